"""Turns, the reactor, its inbox, the client: who waits, and who is woken."""

from devkit.mistakes import Mistake

INBOX = "src/drivers/inbox.cpp"
REACTOR = "src/drivers/reactor.cpp"
BLOCKING = "src/drivers/blocking.cpp"
TURNS = "src/drivers/turns.cpp"
CLIENT = "src/drivers/client.cpp"
RUNNER = "src/bindings/reactor_runner.cpp"

MISTAKES = [
    Mistake(
        "the inbox is emptied after its list was taken",
        INBOX,
        "    event_.drain();\n    std::vector<std::uint64_t> ids;\n"
        "    const std::scoped_lock lock(mutex_);\n    ids.reserve(count_);\n"
        "    while (first_) {\n        ids.push_back(first_->id_);\n"
        "        first_->listed_ = false;\n"
        "        first_ = std::exchange(first_->next_, nullptr);\n    }\n    count_ = 0;\n"
        "    return ids;",
        "    std::vector<std::uint64_t> ids;\n    {\n"
        "        const std::scoped_lock lock(mutex_);\n        ids.reserve(count_);\n"
        "        while (first_) {\n            ids.push_back(first_->id_);\n"
        "            first_->listed_ = false;\n"
        "            first_ = std::exchange(first_->next_, nullptr);\n        }\n"
        "        count_ = 0;\n    }\n    event_.drain();\n    return ids;",
        "7 of 500 opens never wake",
        ("asynchronous", "many"),
    ),
    Mistake(
        "epoll entries stay after a wait",
        REACTOR,
        "        ::epoll_ctl(epoll_.get(), EPOLL_CTL_DEL, interest.fd, nullptr);\n",
        "        (void)interest;\n",
        "a processor at 100 % after a timeout on open_socket()",
        ("asynchronous", "many"),
    ),
    Mistake(
        "the deadline of a task stays after it was advanced",
        REACTOR,
        "    if (running.deadline_)\n"
        "        deadlines_.erase({*running.deadline_, running.id_});\n",
        "",
        "the process crashes, or looks at tasks that have ended",
        ("asynchronous",),
    ),
    Mistake(
        "the timer is never set back",
        REACTOR,
        "    if (armed_ && *armed_ > Clock::now() && (!next || *next > *armed_))\n        return;",
        "    if (armed_ && *armed_ > Clock::now())\n        return;",
        "a short timeout behind a long one is late",
        ("asynchronous", "faults/test_deadline.py"),
    ),
    Mistake(
        "deadlines are judged before what has arrived is read",
        REACTOR,
        "        if (!gather() && ready_.empty()) {\n            overdue();",
        "        overdue();\n        if (!gather() && ready_.empty()) {",
        "a loop that was busy makes answers late that lie unread",
        ("asynchronous", "many"),
    ),
    Mistake(
        "deadlines wait for what there is to read",
        REACTOR,
        "    else if (unjudged_ >= longest_unjudged)\n        end_late();",
        "",
        "timeout=1 ends after 4 s under load",
        ("asynchronous", "many"),
    ),
    Mistake(
        "more to do, and nobody is told",
        REACTOR,
        "    if (!ready_.empty())\n        inbox_->ring(); // more to do: make the descriptor readable",
        "    if (false)\n        inbox_->ring(); // more to do: make the descriptor readable",
        "calls stop until something else arrives",
        ("asynchronous", "many"),
    ),
    Mistake(
        "the body of a loop over outcomes costs the hosts their time",
        REACTOR,
        "        call.excuse(time);",
        "        (void)time;",
        "hosts time out while your code handles an outcome",
        ("many",),
    ),
    Mistake(
        "a signal does not end a wait of the blocking driver",
        BLOCKING,
        "    if (ready < 0 || (slice && Clock::now() - looked_ >= *slice))\n        look();",
        "    if (slice && Clock::now() - looked_ >= *slice)\n        look();",
        "Ctrl-C waits for the server",
        ("concurrency", "interface"),
    ),
    Mistake(
        "the waker is the parent's in the child of a fork",
        BLOCKING,
        "    if (!waker || generation != fork_generation()) {",
        "    if (!waker) {",
        "the child waits on a number that is another file's",
        ("faults/test_waits.py", "concurrency/test_forked_children.py"),
    ),
    Mistake(
        "a signal handler's call stands behind the one that it interrupts",
        TURNS,
        "        where.insert(std::ranges::find_if(where, mine), this);",
        "        (void)mine;\n        where.insert(where.end(), this);",
        "deadlock in a signal handler",
        ("concurrency",),
    ),
    Mistake(
        "a waiter that gives up keeps the turn that it was given",
        TURNS,
        "            turns.granted_ = nullptr;\n            turns.leave();",
        "            turns.granted_ = nullptr;",
        "all later calls on the connection wait for ever",
        ("concurrency", "asynchronous"),
    ),
    Mistake(
        "a turn that was granted and not begun counts as running",
        TURNS,
        "    if (granted_ != nullptr) {\n        granted_->call.waker()->wake();",
        "    if (false) {\n        granted_->call.waker()->wake();",
        "a cancelled command's answer stays for the next caller",
        ("asynchronous", "concurrency"),
    ),
    Mistake(
        "waiters for a stream keep waiting at its end",
        TURNS,
        "            waiter.list = nullptr;\n            waiter.call.waker()->wake();\n"
        "        } else {",
        "            waiter.list = nullptr;\n        } else {",
        "a thread that shares a stream hangs when it was closed",
        ("concurrency", "asynchronous"),
    ),
    Mistake(
        "waiters outside a stream lose their order at its end",
        TURNS,
        "            outside_.splice(outside_.begin(), inside_, std::prev(inside_.end()));",
        "            outside_.splice(outside_.end(), inside_, std::prev(inside_.end()));",
        "a signal handler's call and the one that it interrupts wait for each other",
        ("concurrency",),
    ),
    Mistake(
        "nobody is next after a stream",
        TURNS,
        "    turns_->close_session(State::ended);\n"
        "    if (!turns_->busy_)\n        turns_->leave();",
        "    turns_->close_session(State::ended);",
        "calls behind a stream hang",
        ("concurrency", "asynchronous"),
    ),
    Mistake(
        "close() tells nobody who waits for a turn",
        TURNS,
        "        outside_.pop_front();\n        waiter.list = nullptr;\n"
        "        waiter.call.waker()->wake();",
        "        outside_.pop_front();\n        waiter.list = nullptr;",
        "calls that wait hang after close()",
        ("concurrency", "asynchronous"),
    ),
    Mistake(
        "a stream cut by close() ends as if complete",
        TURNS,
        "    if (state_ == State::lost)\n"
        '        throw Error(ErrorKind::lost, "the connection was closed during the stream")'
        ".for_good();\n",
        "    if (state_ == State::lost)\n        return;\n",
        "half an answer looks whole",
        ("interface", "asynchronous", "concurrency"),
    ),
    Mistake(
        "the session is not told of what its call failed",
        TURNS,
        "        if (present && error != nullptr)\n            failure_ = *error;\n",
        "",
        "of those who share a stream one is told why it ended",
        ("concurrency", "asynchronous"),
    ),
    Mistake(
        "undo() does not look who has asked since",
        CLIENT,
        "    if (turn && unasked())",
        "    if (turn)",
        "a cancelled call drops the connection in another call's answer",
        ("asynchronous", "concurrency"),
    ),
    Mistake(
        "a connection is remembered that is gone",
        CLIENT,
        "    if (body_ == body)\n        origin_ =",
        "    origin_ =",
        "the child of a fork connects to the server before the last one",
        ("concurrency", "asynchronous"),
    ),
    Mistake(
        "set_ccache() after Credentials does not count",
        CLIENT,
        "        settings.ccache = std::move(ccache);\n        settings.credentials = nullptr;",
        "        settings.ccache = std::move(ccache);",
        "a command runs as the user of the Credentials",
        ("credentials",),
    ),
    Mistake(
        "an operation that has ended well is not undone when nobody takes its result",
        RUNNER,
        "        if (ended)\n            operation.discard();\n        else\n"
        "            reactor_.cancel(*operation.running_);\n    }\n    hand_out();",
        "        if (!ended)\n"
        "            reactor_.cancel(*operation.running_);\n    }\n    hand_out();",
        "a cancelled command's answer stays for the next caller",
        ("asynchronous",),
    ),
    Mistake(
        "dispatch() forgets what has ended when a waiter raises",
        RUNNER,
        "        if (!ended_.empty())\n            reactor_.ring(); // the next dispatch continues\n",
        "        ended_.clear();\n",
        "a call never returns when a log handler raises, or a signal's",
        ("asynchronous", "logged"),
    ),
]
