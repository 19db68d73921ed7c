"""Did it work, and if not, what did it say?"""

import sys

import remctl

for status in ("0", "4"):
    result = remctl.remctl(sys.argv[1], int(sys.argv[2]), command=["test", "mix", status])
    if result.ok:
        print("ok:", result.text.splitlines())
    else:
        print(result.status, result.stderr_text.splitlines())
