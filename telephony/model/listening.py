"""How a campaign's calls are listened to, and how many channels of the cell that takes."""

from __future__ import annotations

from telephony.model.campaign import Amd, CampaignSettings, Mode

EAR_CHANNELS = 1
"""Channels that bring the sound of one leg to the ears, which find its beeps and its silences."""

DETECTION_CHANNELS = 2
"""Channels of `parallel` machine detection: the halves of a Local, one spies on the leg, AMD() runs on the other."""


def detection(settings: CampaignSettings) -> Amd:
    """Machine detection of a campaign's calls; where the agent hears the network, the agent does it."""
    return settings.amd if settings.mode is Mode.PREVIEW_STANDARD else Amd.OFF


def call_channels(settings: CampaignSettings) -> int:
    """Channels of the cell that one call to a customer takes from the start; the agent's leg is not among them."""
    return 1 + (DETECTION_CHANNELS + EAR_CHANNELS if detection(settings) is Amd.PARALLEL else 0)
