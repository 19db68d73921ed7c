"""The package in Python: loops, many hosts, files, streams."""

from devkit.mistakes import Mistake

LOOPS = "python/remctl/_waiting/loops.py"
WAITERS = "python/remctl/_waiting/waiters.py"
TRIES = "python/remctl/_many/tries.py"
JOB = "python/remctl/_many/job.py"
COMMANDS = "python/remctl/_many/job_loop.py"
STEPS = "python/remctl/_many/steps.py"
JOB_TASK = "python/remctl/_many/job_task.py"
OUTCOMES = "python/remctl/_many/asynchronous.py"
RUN = "python/remctl/_many/run.py"
CHUNKS = "python/remctl/_many/chunks.py"
LIMITS = "python/remctl/_many/limits.py"
FILES = "python/remctl/_files.py"
STREAMS = "python/remctl/_stream_base.py"
ASYNC = "python/remctl/_async_client.py"
BLOCKING = "python/remctl/_client.py"
SIMPLE = "python/remctl/_simple.py"
BASE = "python/remctl/_client_base.py"

MISTAKES = [
    Mistake(
        "what an executor has cancelled is believed not to have run",
        CHUNKS,
        "may_have_run=not truly",
        "may_have_run=False",
        "a running chunk that Dask cancels is told as 'cannot have run'",
        ("trust/test_executors.py",),
    ),
    Mistake(
        "a subclass of the standard library's executors is believed",
        CHUNKS,
        'getattr(self._executor.submit, "__module__", None) in _STANDARD',
        "_is_standard(self._executor)",
        "a chunk that a wrapper has cancelled and runs is told as 'cannot have run'",
        ("trust/test_executors.py",),
    ),
    Mistake(
        "a chunk that submit() has raised for is believed not to have run",
        CHUNKS,
        "may_have_run=passed_on and not (broken and self._is_truthful())",
        "may_have_run=False",
        "the commands run in a thread that was there, and are told as 'cannot have run'",
        ("trust/test_executors.py",),
    ),
    Mistake(
        "the fence of a run that is left stays open",
        CHUNKS,
        "                self._fence.take_down(token)\n            future.cancel()\n\n    def _tell",
        "                pass\n            future.cancel()\n\n    def _tell",
        "Dask starts chunks of a run that was left, and keeps their queues",
        ("trust/test_executors.py",),
    ),
    Mistake(
        "a chunk that Dask runs again is let through",
        "python/remctl/_many/fence.py",
        "    if allowed:",
        "    if allowed is not None:",
        "commands run twice after a worker died",
        ("trust/test_executors.py",),
    ),
    Mistake(
        "what Dask does not tell is waited for",
        "python/remctl/_many/fence.py",
        "        return telling(executor), Fence(executor._client)",
        "        return executor, Fence(executor._client)",
        "run_many(executor=) hangs where a chunk is cancelled while its result is fetched",
        ("many/test_executor.py",),
    ),
    Mistake(
        "wake() before wait() is forgotten in asyncio",
        WAITERS,
        "        if not self._woken:\n            self._waiter = self._loop.create_future()",
        "        if True:\n            self._waiter = self._loop.create_future()",
        "arun_many(executor=) hangs",
        ("asynchronous/test_waiters.py",),
    ),
    Mistake(
        "wake() before wait() is forgotten in trio",
        WAITERS,
        "        if not self._woken:\n            end = inf",
        "        if True:\n            end = inf",
        "arun_many(executor=) hangs in trio",
        ("asynchronous/test_waiters.py",),
    ),
    Mistake(
        "a cancelled task leaves its call running in asyncio",
        LOOPS,
        "                await waiter\n            except BaseException:\n"
        "                self.reactor.cancel(operation)\n                raise",
        "                await waiter\n            except BaseException:\n                raise",
        "the next call waits for the one that was cancelled",
        ("asynchronous",),
    ),
    Mistake(
        "a loop's object made before a fork is used in the child",
        LOOPS,
        "    if loop is None or loop.pid != os.getpid():",
        "    if loop is None:",
        "asyncio in the child of a fork fails",
        ("asynchronous/test_loops.py",),
    ),
    Mistake(
        "what may have run is retried",
        TRIES,
        "work.repeatable and error.retryable",
        "work.repeatable",
        "a command runs twice",
        ("many",),
    ),
    Mistake(
        "one retry more than was asked for",
        TRIES,
        "again = tries <= plan.retries and",
        "again = tries <= plan.retries + 1 and",
        "Outcome.tries is larger than retries + 1",
        ("many",),
    ),
    Mistake(
        "the limit starts again with each try",
        TRIES,
        "        tries += 1\n",
        "        tries += 1\n        clock = Clock(crew, plan.timeout)\n",
        "timeout=1 with retries takes several seconds",
        ("many",),
    ),
    Mistake(
        "a host's own file counts as the host's failure",
        TRIES,
        "            if clock.stopped:\n                raise  # it comes from the caller's code\n",
        "",
        "a command is repeated because write() has raised",
        ("many",),
    ),
    Mistake(
        "a job that has begun is begun again",
        JOB,
        "        self.repeatable = False\n",
        "",
        "a rollout restarts a service twice",
        ("many",),
    ),
    Mistake(
        "an error of the job's own counts as the host's",
        JOB,
        "            if not remctl._is_own(error):\n                clock.stop()\n            elif",
        "            if",
        "a RemctlError of another connection is an outcome",
        ("many",),
    ),
    Mistake(
        "a job forgets the commands before the one that failed",
        COMMANDS,
        "        return self._before or self._last\n",
        "        return self._last\n",
        "a refusal after a restart says that nothing can have run",
        ("many",),
    ),
    Mistake(
        "the time of a job's own code is the host's",
        STEPS,
        "            self._crew.excuse(self._since + self._crew.excused - self._excused)\n",
        "",
        "a job that computes is too late",
        ("many",),
    ),
    Mistake(
        "a job in an event loop is cancelled in a call that is late",
        JOB_TASK,
        "None if late or loop.busy else",
        "None if late else",
        "afor_each(): a RemctlTimeoutError without the command",
        ("many",),
    ),
    Mistake(
        "jobs in an event loop are not waited for",
        OUTCOMES,
        "                await self._runner.end_tasks()\n",
        "                pass\n",
        "what a job does to clean up fails, its connection is closed",
        ("many",),
    ),
    Mistake(
        "as many failures as allowed end the run",
        RUN,
        "self._failures > most and",
        "self._failures >= most and",
        "max_failures=1 stops at the first failure",
        ("many",),
    ),
    Mistake(
        "a batch starts before the one before it has ended",
        RUN,
        "            if self._runner or self._outcomes:\n                return False\n",
        "",
        "batch=5 restarts more than five hosts at once",
        ("many",),
    ),
    Mistake(
        "hosts that were never started have no outcome",
        RUN,
        "            self._outcomes.extend(map(not_started, self._runner.stop()))",
        "            self._runner.stop()",
        "a rollout that stops says nothing of some hosts",
        ("many",),
    ),
    Mistake(
        "a percentage is rounded up",
        LIMITS,
        "    return max(least, int(total * float(found[1]) / 100))",
        "    return max(least, -(-int(total * float(found[1])) // 100))",
        "max_failures='10%' of 19 hosts allows two",
        ("many",),
    ),
    Mistake(
        "a file that takes a part loses the rest",
        FILES,
        "                data = data[_taken(count, len(data)) :]",
        "                _taken(count, len(data))\n                return",
        "output is cut in a file that takes a part",
        ("interface", "many", "asynchronous"),
    ),
    Mistake(
        "output that went to a file is not remembered",
        FILES,
        "            self.wrote = True\n",
        "",
        "a refusal after output says that the command cannot have run",
        ("interface", "many", "asynchronous"),
    ),
    Mistake(
        "a stream hides a refusal",
        STREAMS,
        '        if token.type == "error" and self._raise_errors:',
        "        if False:",
        "a refused command prints nothing and looks fine",
        ("errors", "interface", "asynchronous"),
    ),
    Mistake(
        "the last line without a newline is lost",
        STREAMS,
        "            for stream in list(self._begun):\n                self._complete(stream)\n",
        "",
        "lines() does not give the last line",
        ("errors",),
    ),
    Mistake(
        "lines of two streams run into one another",
        STREAMS,
        '        stream = 1 if token.stream == 1 else 2\n        *lines, rest = (token.output or b"")',
        '        stream = 1\n        *lines, rest = (token.output or b"")',
        "standard error appears within lines of standard output",
        ("errors",),
    ),
    Mistake(
        "the simple call leaves its connection open",
        SIMPLE,
        "        raise as_simple_error(error, host, number, words, timeout) from None\n"
        "    finally:\n        connection.close()\n\n\n@documented_as(remctl)",
        "        raise as_simple_error(error, host, number, words, timeout) from None\n"
        "    finally:\n        pass\n\n\n@documented_as(remctl)",
        "a process that calls remctl() keeps descriptors until they are garbage",
        ("interface", "concurrency"),
    ),
    Mistake(
        "a stream keeps the connection after an exception",
        BLOCKING,
        "            connection.cut(session)\n            raise\n",
        "            raise\n",
        "after Ctrl-C in a stream every call waits",
        ("interface", "concurrency"),
    ),
    Mistake(
        "the end of a stream is not its caller's",
        BASE,
        "    return None if end is None else end - monotonic()",
        "    return None if end is None else max(end - monotonic(), 0.5)",
        "timeout= of a stream ends half a second late, again and again",
        ("interface", "faults/test_deadline.py"),
    ),
    Mistake(
        "an object of an old loop is used in the new one",
        ASYNC,
        "        elif self._loop is not now:\n            raise another_loop()\n",
        "",
        "two loops drive one connection",
        ("asynchronous",),
    ),
]
