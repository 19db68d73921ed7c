"""`preload()`: all modules that calls would load at their first use."""

__all__ = ["preload"]


def preload() -> None:
    """Load now everything that a later call may need.

    The package loads its modules when they are first used. Call `preload()` before the process
    loses access to them: before it gives up its privileges, enters a chroot or a sandbox, or
    has used up its file descriptors. Nothing of the package is read from the disk afterwards,
    in the blocking and the asynchronous interface, with files, pools, many hosts and logging,
    also when a call fails.

    It connects to nothing. It does not load `remctl.backend` and `remctl.testing`, nor the event
    loops uvloop and trio: import them beforehand if you use them. The Kerberos library still
    reads its configuration, the ticket cache and the keytab at every connection.
    """
    # The whole list is written out, so that tools which freeze programs (PyInstaller) see in a
    # Python file also what only the extension imports.
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
        _greenlets,
        _kinds,
        _logging,
        _loops,
        _output,
        _pool,
        _pool_core,
        _remctl,
        _simple,
        _stream_base,
        _waiters,
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
        run,
        source,
        steps,
        tries,
    )

    if "gevent" in sys.modules:
        from remctl import _gevent


preload.__module__ = "remctl"
