"""Helper threads, limits, descriptors: the ground floor."""

from devkit.mistakes import Mistake

WORKERS = "src/transport/workers.cpp"
CALL = "src/transport/call.cpp"

MISTAKES = [
    Mistake(
        "a helper ends although it was given work",
        WORKERS,
        "    if (self.work)\n        return true;\n    if (!self.retired) {",
        "    if (!self.retired) {",
        "now and then a noop or a name look-up never ends",
        ("concurrency", "interface"),
    ),
    Mistake(
        "a helper does its work again",
        WORKERS,
        "        const auto work = std::exchange(self->work, nullptr);\n        work();",
        "        const auto work = self->work;\n        work();",
        "a library call is made twice, or for a connection that is gone",
        ("concurrency",),
    ),
    Mistake(
        "signals reach helper threads",
        WORKERS,
        "        sigfillset(&all);",
        "        sigemptyset(&all);",
        "Ctrl-C ends no call: a helper thread has received it",
        ("concurrency",),
    ),
    Mistake(
        "idle helpers are not retired before a fork",
        WORKERS,
        "    .settle = []() noexcept { pool().retire(); },",
        "    .settle = []() noexcept {},",
        "Python 3.12 warns of threads at every fork",
        ("concurrency/test_fork.py",),
    ),
    Mistake(
        "the mutex of the helpers is as it was in the child of a fork",
        WORKERS,
        "            new (&pool().mutex) std::mutex;\n",
        "",
        "the child hangs at its first look-up",
        ("concurrency/test_forked_children.py",),
    ),
    Mistake(
        "the later of two limits counts",
        CALL,
        "        end = end ? std::min(*end, silence) : silence;\n    }\n    return end;\n}\n\n"
        "std::optional<Time> Call::first_half",
        "        end = end ? std::max(*end, silence) : silence;\n    }\n    return end;\n}\n\n"
        "std::optional<Time> Call::first_half",
        "timeout=1 beside set_timeout(60) takes 60 s",
        ("faults/test_deadline.py", "interface"),
    ),
    Mistake(
        "a call goes on in the child of a fork",
        CALL,
        "    if (generation_ != fork_generation())\n        throw Error(ErrorKind::misuse,\n"
        '                    "the process was forked',
        "    if (false)\n        throw Error(ErrorKind::misuse,\n"
        '                    "the process was forked',
        "a fork in a signal handler: the child reads the parent's answer",
        ("concurrency/test_fork.py",),
    ),
    Mistake(
        "port 4373 may take all of the time",
        CALL,
        "        end = present + (*whole - present) / 2;",
        "        end = *whole;",
        "with 4373 dropping packets 4444 is never tried",
        ("interface/test_ports.py",),
    ),
]
