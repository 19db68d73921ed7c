"""A command of a remctld with remctl.backend; backend_hello.pl is the same in Perl."""

from remctl.backend import Backend

bench = Backend("bench")


@bench.command
def hello() -> None:
    """Say hello."""
    print("hello")


@bench.command
def greet(name: str, *, loud: bool = False) -> None:
    """Say hello to somebody."""
    print(f"hello {name}{'!' if loud else ''}")


if __name__ == "__main__":
    bench.main()
