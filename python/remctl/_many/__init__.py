"""`run_many()`, `for_each()` and their asynchronous twins: a command or a job on many hosts."""
