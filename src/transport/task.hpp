// Coroutines that say what to wait for, independently of how to wait.
//
// A Task is a coroutine that implements one verb of a connection from start to finish.
// When it has to wait, it awaits a Wait, which says for what and until when; a driver
// (drivers/) does the waiting. Destroying a task in the middle of a wait cancels the
// verb: its destructors clean up.
//
// A lambda with captures, or a temporary string, must not be part of a co_await
// expression: GCC 12 moves such temporaries into the coroutine's frame byte by byte,
// which breaks a std::string with a short text. Give it a name first.
#pragma once

#include <poll.h>

#include <chrono>
#include <coroutine>
#include <exception>
#include <optional>
#include <utility>
#include <vector>

namespace pyremctl {

using Clock = std::chrono::steady_clock;
using Time = Clock::time_point;
using Duration = Clock::duration;

/// What a verb waits for: one of these descriptors, or a time.
struct Wait {
    std::vector<pollfd> interests; ///< descriptors and events, as poll(2) takes them
    std::optional<Time> until;     ///< the latest time to wake up
    bool breath = false;           ///< no wait: the driver may do other work, then continues
};

/// A task's state: what it waits for, and where it resumes.
struct Suspension {
    const Wait *wait = nullptr;
    std::coroutine_handle<> point;
};

template <class T> class Task;

namespace detail {

struct PromiseBase {
    Suspension *suspension = nullptr;
    std::coroutine_handle<> continuation;
    std::exception_ptr failure;

    std::suspend_always initial_suspend() noexcept { return {}; }

    struct Finish {
        bool await_ready() noexcept { return false; }
        template <class P>
        std::coroutine_handle<> await_suspend(std::coroutine_handle<P> self) noexcept {
            auto next = self.promise().continuation;
            return next ? next : std::noop_coroutine();
        }
        void await_resume() noexcept {}
    };
    Finish final_suspend() noexcept { return {}; }
    void unhandled_exception() noexcept { failure = std::current_exception(); }
};

template <class T> struct Promise : PromiseBase {
    std::optional<T> value;
    Task<T> get_return_object();
    void return_value(T result) { value.emplace(std::move(result)); }
    T result() {
        if (failure)
            std::rethrow_exception(std::exchange(failure, nullptr));
        return std::move(*value); // NOLINT(bugprone-unchecked-optional-access): it has returned
    }
};

template <> struct Promise<void> : PromiseBase {
    Task<void> get_return_object();
    void return_void() noexcept {}
    void result() {
        if (failure)
            std::rethrow_exception(std::exchange(failure, nullptr));
    }
};

} // namespace detail

/// A verb, or a part of one. It starts when it is awaited or driven.
template <class T> class [[nodiscard]] Task {
  public:
    using promise_type = detail::Promise<T>;
    using Coroutine = std::coroutine_handle<promise_type>;

    explicit Task(Coroutine coroutine) noexcept : coroutine_(coroutine) {}
    Task(Task &&other) noexcept : coroutine_(std::exchange(other.coroutine_, nullptr)) {}
    Task(const Task &) = delete;
    Task &operator=(const Task &) = delete;
    Task &operator=(Task &&) = delete;
    ~Task() {
        if (coroutine_)
            coroutine_.destroy();
    }

    bool await_ready() const noexcept { return false; }

    /// Runs the task until its first wait. If it ends without one, the awaiting task
    /// continues without being suspended, so a loop over such tasks does not use up the
    /// stack.
    template <class P> bool await_suspend(std::coroutine_handle<P> awaiting) noexcept {
        auto &promise = coroutine_.promise();
        promise.suspension = awaiting.promise().suspension;
        coroutine_.resume();
        if (coroutine_.done())
            return false;
        promise.continuation = awaiting;
        return true;
    }
    T await_resume() { return coroutine_.promise().result(); }

  private:
    template <class> friend class Operation;
    Coroutine coroutine_;
};

template <class T> Task<T> detail::Promise<T>::get_return_object() {
    return Task<T>(std::coroutine_handle<Promise<T>>::from_promise(*this));
}

inline Task<void> detail::Promise<void>::get_return_object() {
    return Task<void>(std::coroutine_handle<Promise<void>>::from_promise(*this));
}

/// Base of the awaitables that return control to the driver.
struct Pause {
    Wait wait;

    bool await_ready() const noexcept { return false; }
    template <class P> void await_suspend(std::coroutine_handle<P> self) noexcept {
        *self.promise().suspension = {&wait, self};
    }
};

/// A running task, as a driver uses it:
///
///     while (const Wait *wait = operation.advance())
///         ...wait for it...
///     return operation.result();
template <class T> class Operation {
  public:
    explicit Operation(Task<T> task) noexcept : task_(std::move(task)) {
        task_.coroutine_.promise().suspension = &suspension_;
        suspension_.point = task_.coroutine_;
    }
    Operation(const Operation &) = delete;
    Operation &operator=(const Operation &) = delete;
    Operation(Operation &&) = delete;
    Operation &operator=(Operation &&) = delete;
    ~Operation() = default;

    /// Runs until the next wait; null when the task has ended.
    const Wait *advance() {
        suspension_.wait = nullptr;
        suspension_.point.resume();
        return suspension_.wait;
    }

    /// Returns the task's result or throws its exception.
    T result() { return task_.await_resume(); }

  private:
    Suspension suspension_;
    Task<T> task_;
};

} // namespace pyremctl
