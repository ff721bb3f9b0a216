"""Runs the runner of the scenarios with ports of a lane of its own: lane.py FIRST COUNT STEP RUNNER ARGUMENTS...

The runner asks the system for a free port, and its server binds it a moment later. In that moment the system may give the same port
to the runner of another site, and then both speak to one server. So whoever asks for any port gets the next one of the lane, and the
STEP - 1 ports behind it are its own too.
"""
import errno
import itertools
import random
import runpy
import socket
import sys

first, count, step = (int(number) for number in sys.argv[1:4])
lane = range(first, first + count, step)
ports = itertools.islice(itertools.cycle(lane), random.randrange(len(lane)), None)
bind = socket.socket.bind


def bind_in_lane(self, address):
    if self.family != socket.AF_INET or address[1] != 0:
        return bind(self, address)
    for port in itertools.islice(ports, len(lane)):
        try:
            return bind(self, (address[0], port))
        except OSError as error:
            if error.errno != errno.EADDRINUSE:
                raise
    raise OSError(errno.EADDRINUSE, f"all ports from {lane.start} to {lane.stop - 1} are in use")


socket.socket.bind = bind_in_lane
sys.argv = sys.argv[4:]
runpy.run_path(sys.argv[0], run_name="__main__")
