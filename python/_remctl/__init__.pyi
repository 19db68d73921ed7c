from remctl._remctl import *
from remctl._remctl import __version__ as __version__
