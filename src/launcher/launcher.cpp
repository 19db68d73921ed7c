// The program `pyremctl`: it becomes `pyremctl-python`, the Python program beside it.
//
// While Python starts, its handler of SIGINT raises KeyboardInterrupt at any place, which prints a
// traceback, or is lost. So SIGINT is blocked here until remctl/__main__.py unblocks it; a Ctrl-C
// that has come by then ends the program quietly.
//
// The installer makes `pyremctl-python` (`project.scripts` in pyproject.toml), and writes into it
// which Python is the right one.
#include <sys/auxv.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <climits>
#include <csignal>
#include <cstdio>
#include <cstdlib>
#include <cstring>

namespace {

/// An environment variable that tells remctl/__main__.py to unblock SIGINT. The mask
/// alone does not: the caller may have blocked it.
constexpr const char *HELD = "PYREMCTL_SIGINT_HELD";

/// The exit status of a shell that cannot start a program.
constexpr int CANNOT_START = 127;

constexpr char NAME[] = "/pyremctl-python";
using Path = std::array<char, PATH_MAX + sizeof(NAME)>;

/// Finds this program's own file, without symbolic links: pipx and uv make them in other folders.
/// False if it is not known; errno says why.
bool find_own_file(Path &path) {
    if (readlink("/proc/self/exe", path.data(), PATH_MAX) > 0) {
        return true;
    }
    // Without /proc there is the name that was started. It is that of a script, if the script's
    // first line names this program.
    // NOLINTNEXTLINE(performance-no-int-to-ptr): the kernel passes it as a number.
    const auto *started = reinterpret_cast<const char *>(getauxval(AT_EXECFN));
    return started != nullptr && realpath(started, path.data()) != nullptr;
}

/// Blocks SIGINT, and tells so to the Python program.
void hold_sigint() {
    sigset_t interrupt;
    sigset_t before;
    sigemptyset(&interrupt);
    sigaddset(&interrupt, SIGINT);
    if (sigprocmask(SIG_BLOCK, &interrupt, &before) == 0 && sigismember(&before, SIGINT) == 0) {
        setenv(HELD, "1", 1);
    }
}

} // namespace

int main(int /*count*/, char **arguments) {
    Path path{};
    if (find_own_file(path)) {
        std::memcpy(std::strrchr(path.data(), '/'), NAME, sizeof(NAME));
        hold_sigint();
        execv(path.data(), arguments);
    }
    std::fprintf(stderr, "pyremctl: cannot start %s, which belongs beside it: %s\n",
                 path[0] == '\0' ? NAME + 1 : path.data(), std::strerror(errno));
    return CANNOT_START;
}
