"""The rendered configuration, read with pyst2: our contexts keep to their prefix and every leg can end."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

import pytest
from asterisk.config import Config

from telephony.demo.host import REPOSITORY
from telephony.demo.pbx import Pbx

pytestmark = pytest.mark.asterisk

BOUNDED = ("pd-listen", "pd-forget", "pd-probe")
"""Contexts whose channels nobody watches: they must end by themselves."""


@pytest.fixture(scope="module")
def contexts(pbx: Pbx) -> dict[str, list[str]]:
    """Context -> its lines, as pyst2 reads them."""
    config = Config(str(pbx.settings.directory / "etc" / "pd-extensions.conf"))
    return {
        category.name: [f"{item.name} => {item.value.strip()}" for item in category.items]
        for category in config.categories
    }


def steps(lines: list[str]) -> Iterator[str]:
    for line in lines:
        name, _, rest = line.partition("=>")
        number_of_fields_before_the_application = 2 if name.strip() == "exten" else 1
        yield rest.split(",", number_of_fields_before_the_application)[-1].strip()


def test_all_contexts_are_ours_and_can_be_included_into_another_dialplan(contexts: dict[str, list[str]]) -> None:
    assert {"pd-agent", "pd-customer", "pd-listen", "pd-end", "pd-forget", "pd-probe"} <= contexts.keys()
    assert [name for name in contexts if not name.startswith("pd-")] == []


def test_every_jump_goes_to_a_context_or_extension_that_exists(contexts: dict[str, list[str]]) -> None:
    for name, lines in contexts.items():
        extensions = {line.partition("=>")[2].split(",")[0].strip() for line in lines if line.startswith("exten")}
        labels = set(re.findall(r"^(?:exten|same) *=> *n\((\w+)\)", "\n".join(lines), re.MULTILINE))
        for step in steps(lines):
            for target in re.findall(r"(?:^Goto\(|[?:])([\w-]+)(?:,1)?\)?$", step):
                assert target in extensions | labels | contexts.keys(), f"{name}: {step}"


def test_channels_nobody_watches_have_a_time_limit(contexts: dict[str, list[str]]) -> None:
    waiting = re.compile(r",(AGI|AMD|ChanSpy|Echo|Playback|Record|Wait|WaitForTone)\(")
    for name in BOUNDED:
        for block in re.split(r"^exten", "\n".join(contexts[name]), flags=re.MULTILINE)[1:]:
            if waiting.search(block):
                assert "Set(TIMEOUT(absolute)=" in block, f"{name}: exten{block.splitlines()[0]}"


def test_variables_and_user_events_keep_to_the_prefix(contexts: dict[str, list[str]]) -> None:
    text = "\n".join(line for lines in contexts.values() for line in lines)
    allowed_of_asterisk = {"AMDSTATUS", "AMDCAUSE", "BRIDGERESULT", "AGIEXITONHANGUP"}
    for variable in re.findall(r"Set\(([A-Za-z_]+)=", text):
        assert variable.startswith("PD_") or variable == "LEG" or variable in allowed_of_asterisk, variable
    assert {event[:2] for event in re.findall(r"UserEvent\((\w+)", text)} == {"Pd"}


def test_every_application_and_function_of_the_dialplan_is_loaded(pbx: Pbx, contexts: dict[str, list[str]]) -> None:
    modules = (pbx.settings.directory / "etc" / "modules.conf").read_text()
    needed = {
        "AGI": "res_agi",
        "AMD": "app_amd",
        "BridgeWait": "app_bridgewait",
        "ChanSpy": "app_chanspy",
        "Dial": "app_dial",
        "Echo": "app_echo",
        "ExecIf": "app_exec",
        "Originate": "app_originate",
        "PlayTones": "app_playtones",
        "MixMonitor": "app_mixmonitor",
        "StopMixMonitor": "app_mixmonitor",
        "Playback": "app_playback",
        "Record": "app_record",
        "Return": "app_stack",
        "SendDTMF": "app_senddtmf",
        "StopPlayTones": "app_playtones",
        "UserEvent": "app_userevent",
        "WaitForTone": "res_tonedetect",
    }
    built_in = {"Answer", "Bridge", "Goto", "GotoIf", "Hangup", "Set", "Wait"}
    used = {match[1] for lines in contexts.values() for step in steps(lines) if (match := re.match(r"(\w+)\(", step))}
    used |= set(re.findall(r"ExecIf\(.*?\?(\w+)\(", "\n".join(line for lines in contexts.values() for line in lines)))
    assert used - built_in <= needed.keys()
    for application in used - built_in:
        assert f"load => {needed[application]}.so" in modules, application


def test_a_customer_can_press_no_feature_keys_and_agents_cannot_transfer(pbx: Pbx) -> None:
    etc = pbx.settings.directory / "etc"
    features = Config(str(etc / "features.conf"))
    assert [category.name for category in features.categories] == ["general", "featuremap"]
    assert [item.name for category in features.categories for item in category.items] == []
    assert (etc / "pjsip.conf").read_text().count("allow_transfer = no") == 2


def test_no_secret_is_in_the_repository() -> None:
    templates: list[Path] = sorted((REPOSITORY / "dialplan").glob("*.conf"))
    for template in templates:
        for line in template.read_text().splitlines():
            if re.match(r"(secret|password)\b", line):
                assert re.fullmatch(r"(secret|password) = @[A-Z_]+@", line), f"{template.name}: {line}"
