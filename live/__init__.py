"""The processes of a live exchange: engine, gateway, accounts, settlement, market data, bots.

Each process is a module or folder of its own and uses `mexchange` and `strategies` through the
three seams clock, transport and store. The same strategies and the same engine that simulation
runs are served from here over the network.
"""
