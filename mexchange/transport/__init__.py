"""What carries commands to the exchange and events back from it.

`SimTransport` is the one of simulation: in process, with latency each way. A strategy speaks to a
`Port` of it. What comes back is a `Message`: public updates (`mexchange.transport.feed`) and the
events of the port's own account.
"""

from mexchange.transport.background import Applied, Background
from mexchange.transport.feed import Feed, Trade, Update
from mexchange.transport.messages import Message, Row
from mexchange.transport.port import Port
from mexchange.transport.sight import Sight
from mexchange.transport.sim import SimTransport
from mexchange.transport.tape import NOTHING, Books, Tape, Top

__all__ = [
    "NOTHING",
    "Applied",
    "Background",
    "Books",
    "Feed",
    "Message",
    "Port",
    "Row",
    "Sight",
    "SimTransport",
    "Tape",
    "Top",
    "Trade",
    "Update",
]
