// Mistakes on purpose, to see that the sanitizer is on.
#include <cstdio>
#include <limits>
#include <string>
#include <thread>

namespace {

volatile int number = 0;

int use_after_free() {
    int *const one = new int(number);
    delete one;
    return *one;
}

int overflow() {
    int large = std::numeric_limits<int>::max() - number;
    return large + 1 + number;
}

int race() {
    int shared = 0;
    std::thread other([&] { ++shared; });
    ++shared;
    other.join();
    return shared;
}

} // namespace

int main(int, char **arguments) {
    const std::string what = arguments[1];
    int result = 0;
    if (what == "heap-use-after-free")
        result = use_after_free();
    else if (what == "signed integer overflow")
        result = overflow();
    else if (what == "data race")
        result = race();
    std::printf("done: %d\n", result);
    return 0;
}
