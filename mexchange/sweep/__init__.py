"""Many runs of one scenario: every cell of a grid of parameters, with every seed.

`sweep` plays them over any `concurrent.futures.Executor`: processes of this machine by default
(`Processes`), a Dask cluster (`cluster`) when one outgrows it. A run gives the same digest wherever
it is played.
"""

from mexchange.sweep.cluster import ClusterError, cluster
from mexchange.sweep.job import Failure
from mexchange.sweep.processes import Processes, WorkerError
from mexchange.sweep.run import sweep
from mexchange.sweep.source import SweepError
from mexchange.sweep.table import Sweep

__all__ = [
    "ClusterError",
    "Failure",
    "Processes",
    "Sweep",
    "SweepError",
    "WorkerError",
    "cluster",
    "sweep",
]
