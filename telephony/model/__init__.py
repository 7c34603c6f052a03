"""The rules of preview dialing: states, outcomes, hours, settings.

Nothing here imports asyncio, a database or AMI; time is an argument. The layers above store what these
rules decide and then carry it out.
"""
