"""The script does what it says, on a real server."""

import close_account
import pytest
import remctl


def test_the_files_are_archived(remctl_server):
    where = close_account.close_account(remctl_server.host, remctl_server.port, "jdoe")
    assert where == "/archive/jdoe.tar"


def test_the_files_of_an_account_that_cannot_be_locked_are_left_alone(remctl_server):
    with pytest.raises(remctl.RemctlCommandError) as caught:
        close_account.close_account(remctl_server.host, remctl_server.port, "root")
    assert caught.value.result.stderr == b"root cannot be locked\n"
    assert "account archive root" not in remctl_server.log()


def test_a_server_that_is_away_is_an_error(remctl_realm, remctl_commands):
    server = remctl_realm.server(remctl_commands)
    with pytest.raises(remctl.RemctlError, match="Connection refused"):
        close_account.close_account(server.host, server.port, "jdoe")
