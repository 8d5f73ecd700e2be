"""What carries commands to the exchange and events back from it.

`SimTransport` is the one of simulation: in process, with latency each way. A strategy speaks to a
`Port` of it. What comes back is a `Message`: public updates (`mexchange.transport.feed`) and the
events of the port's own account.
"""

from mexchange.transport.background import Applied, Background
from mexchange.transport.feed import Feed, Row, Trade, Update
from mexchange.transport.sim import Message, Port, SimTransport

__all__ = [
    "Applied",
    "Background",
    "Feed",
    "Message",
    "Port",
    "Row",
    "SimTransport",
    "Trade",
    "Update",
]
