"""Many hosts: a command on each of them, in both worlds and in other processes."""
