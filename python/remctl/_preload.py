"""`preload()`: all modules that calls would load at their first use."""

__all__ = ["preload"]


def preload() -> None:
    """Load everything that a later call may need.

    The package loads its modules at their first use. Call `preload()` before the process loses
    access to them: before it drops its privileges, enters a chroot or a sandbox, or runs out of
    file descriptors. After that, no file of the package is read any more, in the blocking and
    the asynchronous interface, with files, pools, many hosts and logging, even when a call
    fails.

    It connects to nothing. It does not load `remctl.backend` and `remctl.testing`, nor the event
    loops uvloop and trio: import them beforehand if you use them. The Kerberos library still
    reads its configuration, the ticket cache and the keytab at every connection.
    """
    # The list is complete, so that tools like PyInstaller also find the modules that only the
    # extension imports.
    import asyncio
    import datetime
    import logging
    import random
    import sys
    import threading

    from remctl import (
        _arguments,
        _async_client,
        _async_pool,
        _build_info,
        _client,
        _client_base,
        _codes,
        _credentials,
        _environ,
        _errors,
        _files,
        _logging,
        _output,
        _pool,
        _pool_core,
        _remctl,
        _simple,
        _stream_base,
    )
    from remctl._many import (
        async_crew,
        async_each,
        asynchronous,
        attempt,
        blocking,
        chunks,
        command,
        crew,
        each,
        fence,
        job,
        job_loop,
        job_task,
        limits,
        outcome,
        plan,
        raised,
        run,
        source,
        steps,
        telling,
        tries,
    )
    from remctl._waiting import callers, greenlets, loops, waiters

    if "gevent" in sys.modules:
        from remctl._waiting import hub


preload.__module__ = "remctl"
