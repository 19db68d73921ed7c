"""Tests for backend_accounts.py, with pytest: no server is needed to call a command."""

import backend_accounts
import pytest


@pytest.fixture(autouse=True)
def folder(tmp_path, monkeypatch):
    """A folder of its own for each test, and somebody who calls."""
    monkeypatch.setattr(backend_accounts, "FOLDER", str(tmp_path))
    monkeypatch.setenv("REMOTE_USER", "alice@EXAMPLE.ORG")
    return tmp_path


def run(*words):
    """The exit status of a command."""
    return backend_accounts.accounts.run(words)


def test_an_account_belongs_to_who_made_it(capsys):
    assert run("create", "--shell=/bin/bash", "bob", "20") == 0
    assert run("show", "bob") == 0
    assert capsys.readouterr().out == "made bob\nbob: /bin/bash, by alice@EXAMPLE.ORG\n"


def test_it_is_made_once(capsys):
    assert run("create", "bob") == 0
    assert run("create", "bob") == 1
    assert "accounts create: there is an account bob" in capsys.readouterr().err
    assert run("create", "-f", "bob") == 0


@pytest.mark.parametrize("name", ["", "Bob", "../bob", "b"])
def test_a_name_is_checked(name, capsys):
    assert run("create", name) == 2
    assert capsys.readouterr().err == f"accounts create: invalid argument: {name}\n"


def test_remctld_can_be_told_all_of_it(monkeypatch, capsys):
    monkeypatch.delenv("REMOTE_USER")
    assert run("--conf") == 0
    assert "accounts token" in capsys.readouterr().out
