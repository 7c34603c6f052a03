"""Messages over HTTP where nothing can be converted; what is converted is shown in the ring with the real converter."""

from __future__ import annotations

import pytest

from telephony.pbx import message_file
from telephony.store.accounts import Role
from tests.support.office import Office

pytestmark = pytest.mark.unit


async def test_a_missing_converter_is_named_with_its_package(office: Office, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(message_file, "missing_tools", lambda: ["ffmpeg"])
    await office.hire("boss", Role.TENANT_ADMIN, office.acme.tenant_id)
    boss = await office.sign_in("boss")
    path = f"/api/v1/campaigns/{office.acme.campaign_id}/voicemail-message"
    refused = await boss("PUT", path, data=b"RIFF", headers={"Content-Type": "audio/wav"})
    assert (refused.status, refused.code) == (503, "CONVERTER_MISSING")
    assert "apt-get install ffmpeg" in refused.json["detail"]


async def test_what_calls_itself_no_sound_is_refused(office: Office) -> None:
    await office.hire("boss", Role.TENANT_ADMIN, office.acme.tenant_id)
    boss = await office.sign_in("boss")
    path = f"/api/v1/campaigns/{office.acme.campaign_id}/abandon-message"
    refused = await boss("PUT", path, data=b"hello", headers={"Content-Type": "text/plain"})
    assert (refused.status, refused.code) == (415, "UNSUPPORTED_MEDIA_TYPE")
    assert "audio/mpeg" in refused.json["allowed"]
