"""The rows the state tables must have, put down from SPEC section 4, sentence by sentence.

One row a line: `state + event -> new state: effect, effect`. A line that begins with `#` is what asks for the
rows below it.
"""

from __future__ import annotations

AGENT = """
# Only the agent or a supervisor goes back to available; then work is looked for.
offline + go_available -> available: find_contact
idle + go_available -> available: find_contact
available + go_available -> available:
# Who has nothing in hand may pause or sign out as they like.
offline + go_idle -> idle:
offline + go_offline -> offline:
idle + go_idle -> idle:
idle + go_offline -> offline:
available + go_idle -> idle:
available + go_offline -> offline:
# Push: a contact is claimed, then the reservation call rings the phone; answered, the first offer comes.
available + reserved -> ringing: ring_agent
ringing + answered -> reserved: next_offer
reserved + offered -> previewing: start_offer_timer
# Pull: customer data at once, no reservation call.
available + shown -> previewing: start_offer_timer
# A reservation call that fails makes the agent idle and gives the contact back untouched.
ringing + ring_failed -> idle: give_back
# Presence lost in available, ringing, reserved or previewing: the reservation ends, idle.
available + desktop_lost -> idle:
ringing + desktop_lost -> idle: end_line, give_back
reserved + desktop_lost -> idle: end_line, give_back
previewing + desktop_lost -> idle: stop_offer_timer, close_offer_left, end_line
# The same for a wish to pause or sign out: nothing of a call is up yet.
ringing + go_idle -> idle: end_line, give_back
ringing + go_offline -> offline: end_line, give_back
reserved + go_idle -> idle: end_line, give_back
reserved + go_offline -> offline: end_line, give_back
previewing + go_idle -> idle: stop_offer_timer, close_offer_left, end_line
previewing + go_offline -> offline: stop_offer_timer, close_offer_left, end_line
# `leave` ends the reservation and makes the agent idle (left_campaign); so does a timer's `idle`.
reserved + left -> idle: end_line, give_back
previewing + left -> idle: stop_offer_timer, end_line
previewing + timed_out_idle -> idle: stop_offer_timer, end_line
# It ends when the agent hangs up: contact back untouched.
reserved + line_lost -> idle: give_back
previewing + line_lost -> idle: stop_offer_timer, close_offer_left
# It ends when no contact is left: available again, no new ring before 5 s.
reserved + no_contact -> available: end_line, pause_reservation
# It stays up through skip, remove, timeout and a failed attempt: the next offer comes on the same line.
previewing + closed -> reserved: stop_offer_timer, next_offer
dialing + attempt_failed -> reserved: next_offer
# In pull there was no line.
previewing + closed_off_line -> available: stop_offer_timer, find_contact
dialing + attempt_failed_off_line -> available: end_line, find_contact
# Accept; the customer answers and is joined.
previewing + accepted -> dialing: stop_offer_timer
dialing + joined -> talking:
# The agent who hangs up while the customer rings ends the attempt, in a call the call.
dialing + line_lost -> idle: end_attempt
talking + line_lost -> wrap_up: end_attempt, start_wrap_up
# The reservation ends when a customer call ended (then wrap-up); with `keep_line` it stays up between calls.
talking + call_ended -> wrap_up: end_line, start_wrap_up
talking + call_ended_on_line -> wrap_up: start_wrap_up
wrap_up + wrapped_up -> available: find_contact
wrap_up + wrapped_up_on_line -> reserved: next_offer
# A dropped message plays on: the agent is free at once, no wrap-up for it.
talking + message_dropped -> reserved: next_offer
talking + message_dropped_off_line -> available: end_line, find_contact
dialing + message_dropped -> reserved: next_offer
# Lost in a call: the call is left alone and wrap-up ends in idle; a wish is remembered likewise.
dialing + desktop_lost -> dialing: remember_wish
dialing + go_available -> dialing: remember_wish
dialing + go_idle -> dialing: remember_wish
dialing + go_offline -> dialing: remember_wish
talking + desktop_lost -> talking: remember_wish
talking + go_available -> talking: remember_wish
talking + go_idle -> talking: remember_wish
talking + go_offline -> talking: remember_wish
wrap_up + desktop_lost -> wrap_up: remember_wish
wrap_up + go_available -> wrap_up: remember_wish
wrap_up + go_idle -> wrap_up: remember_wish
wrap_up + go_offline -> wrap_up: remember_wish
wrap_up + wrapped_up_idle -> idle: end_line
wrap_up + wrapped_up_offline -> offline: end_line
# A kept line that is gone, by the agent or with the PBX, does not disturb wrap-up.
wrap_up + line_lost -> wrap_up:
wrap_up + pbx_lost -> wrap_up:
# The PBX came back without the line: nobody's fault, the agent stays ready; what was up is over.
ringing + pbx_lost -> available: give_back, find_contact
reserved + pbx_lost -> available: give_back, find_contact
previewing + pbx_lost -> available: stop_offer_timer, close_offer_left, find_contact
dialing + pbx_lost -> available: find_contact
talking + pbx_lost -> wrap_up: start_wrap_up
# Free a stuck agent, in whatever state: line, offer, call and wrap-up end, the contact goes back untouched.
offline + freed -> offline: end_attempt, end_line
idle + freed -> idle: end_attempt, end_line
available + freed -> idle: end_attempt, end_line
ringing + freed -> idle: end_line, give_back
reserved + freed -> idle: end_line, give_back
previewing + freed -> idle: stop_offer_timer, close_offer_left, end_line
dialing + freed -> idle: end_attempt, end_line
talking + freed -> idle: end_attempt, end_line
wrap_up + freed -> idle: end_attempt, end_line
"""

OFFER = """
# open -> accepted | skipped | removed | left | timed_out(action) | withdrawn(code)
open + accept -> accepted: dial
# Skip: contact retry(now + skip_retry_after).
open + skip -> skipped: postpone_contact
# Remove: out of this campaign.
open + remove -> removed: remove_contact
# Leave, hang-up, withdrawal: contact back untouched.
open + leave -> left: give_back_contact
open + withdraw -> withdrawn: give_back_contact
# The server runs the timer; its action is the administrator's: accept, skip, remove, idle.
open + timer_accept -> timed_out: dial
open + timer_skip -> timed_out: postpone_contact
open + timer_remove -> timed_out: remove_contact
open + timer_idle -> timed_out: give_back_contact
# A timer's accept refused for capacity: timed_out(refused), contact back with 30 s pause.
open + timer_accept_refused -> timed_out: pause_contact
"""

ATTEMPT = """
# granted -> (calling_agent, pull only) -> placing -> ringing -> answered
granted + place -> placing: place_leg
granted + call_agent -> calling_agent: ring_agent
calling_agent + place -> placing: place_leg
placing + appeared -> placing:
placing + rang -> ringing:
ringing + rang -> ringing:
placing + answered -> answered:
ringing + answered -> answered:
# answered -> (talking | message)
answered + joined -> talking:
answered + drop_message -> message: play_message
talking + drop_message -> message: play_message
# -> ended(outcome)
placing + leg_ended -> ended: settle
ringing + leg_ended -> ended: settle
answered + leg_ended -> ended: settle
talking + leg_ended -> ended: settle
message + leg_ended -> ended: settle
# The transaction into placing checks again; failing there is NOT_PLACED.
granted + not_placed -> ended: settle
placing + not_placed -> ended: settle
calling_agent + not_placed -> ended: settle
# Pull: the agent does not answer, or goes.
calling_agent + agent_failed -> ended: settle
# The next trunk is tried only if the former leg never rang.
placing + next_leg -> placing: place_leg
# Cancel before any customer leg is on its way.
granted + cancel -> ended: settle
granted + agent_gone -> ended: settle
calling_agent + cancel -> ended: settle
# cancelling from placing and ringing; Hangup is sent at once.
placing + cancel -> cancelling: end_leg
ringing + cancel -> cancelling: end_leg
# Agent gone while the customer rings: the customer leg ends at once.
placing + agent_gone -> cancelling: end_leg
ringing + agent_gone -> cancelling: end_leg
# ... and again when the channel appears, until the leg's Hangup; an answering leg is not joined but ended.
cancelling + appeared -> cancelling: end_leg
cancelling + rang -> cancelling:
cancelling + answered -> cancelling: end_leg
cancelling + joined -> cancelling: end_leg
cancelling + agent_gone -> cancelling:
cancelling + leg_ended -> ended: settle
# Answer first: the call goes on, and is ended by hanging up.
answered + hang_up -> answered: end_leg
talking + hang_up -> talking: end_leg
message + hang_up -> message: end_leg
# Customer answered but not joined, the agent gone: ABANDONED, abandon_message if set.
answered + agent_gone -> answered: abandon
talking + agent_gone -> talking: end_leg
# unknown after a lost link until resync settles it.
calling_agent + link_lost -> unknown:
placing + link_lost -> unknown:
ringing + link_lost -> unknown:
answered + link_lost -> unknown:
talking + link_lost -> unknown:
message + link_lost -> unknown:
cancelling + link_lost -> unknown:
unknown + link_lost -> unknown:
# ... by what really happened.
unknown + found_placing -> placing:
unknown + found_ringing -> ringing:
unknown + found_answered -> answered:
unknown + found_talking -> talking:
unknown + found_message -> message:
unknown + found_unwanted -> cancelling: end_leg
unknown + found_ended -> ended: settle
unknown + leg_ended -> ended: settle
# A call that was handed over lives on without its agent and counts until it is gone.
talking + hand_over -> transferred:
transferred + hang_up -> transferred: end_leg
transferred + leg_ended -> ended: settle
transferred + link_lost -> unknown:
unknown + found_transferred -> transferred:
"""

LINE = """
# A page that was loaded anew has lost its call: the customer waits, the dead leg ends, and the page is called anew.
held + call_lost -> leaving: start_clock, park_customer, end_leg
leaving + leg_ended -> calling: call_phone
calling + answered -> held: stop_clock, join_customer
# A page that is there and whose leg ended for want of sound is called anew at once; the customer is parked already.
held + leg_lost -> calling: start_clock, call_phone
# It may be loaded anew again before that, and again.
leaving + call_lost -> leaving:
leaving + answered -> leaving: end_leg
leaving + appeared -> leaving: end_leg
calling + call_lost -> leaving: end_leg
calling + leg_ended -> away:
away + call_lost -> calling: call_phone
# Not back in time: as an agent who hung up.
leaving + time_up -> given_up:
calling + time_up -> given_up: end_leg
away + time_up -> held: lose_line
given_up + leg_ended -> held: lose_line
given_up + call_lost -> given_up:
given_up + answered -> given_up: end_leg
given_up + appeared -> given_up: end_leg
# The customer hung up meanwhile, or the agent went idle: the line ends in the usual way.
leaving + unwanted -> held: stop_clock
calling + unwanted -> held: stop_clock
away + unwanted -> held: stop_clock, lose_line
given_up + unwanted -> held: stop_clock
"""

CONTACT = """
# The claim takes the number: it is in at most one live offer or attempt.
waiting + claim -> offered: take_number
callback + claim -> offered: take_number
offered + start_attempt -> in_attempt:
# Given back untouched: waiting, or the callback it was.
offered + give_back -> waiting: free_number
offered + give_back_callback -> callback: free_number
in_attempt + give_back -> waiting: free_number
in_attempt + give_back_callback -> callback: free_number
# Skip: retry; after max_skips done.
offered + postpone -> waiting: free_number
offered + skipped_out -> done: free_number
# Remove: out of this campaign; undo by a supervisor.
waiting + remove -> removed:
callback + remove -> removed:
done + remove -> removed:
offered + remove -> removed: free_number, withdraw_offer
in_attempt + remove -> removed: free_number
removed + restore -> waiting:
# blocked(dnc|invalid)
waiting + block -> blocked:
callback + block -> blocked:
offered + block -> blocked: free_number, withdraw_offer
in_attempt + block -> blocked: free_number
blocked + unblock -> waiting:
# After an attempt: retry, callback at a time, or done.
in_attempt + retry -> waiting: free_number
in_attempt + schedule_callback -> callback: free_number
in_attempt + close -> done: free_number
# A supervisor closes what is not in hand, drops a callback's date, opens again what is done.
waiting + close -> done:
callback + close -> done:
callback + retry -> waiting:
done + reopen -> waiting:
"""


def parse(rows: str) -> dict[tuple[str, str], tuple[str, tuple[str, ...]]]:
    """The rows as (state, event) -> (new state, effects); raises ValueError where a pair is given twice."""
    found: dict[tuple[str, str], tuple[str, tuple[str, ...]]] = {}
    for line in rows.strip().splitlines():
        if line.startswith("#"):
            continue
        pair, result = line.split(" -> ")
        state, event = pair.split(" + ")
        target, effects = result.split(":")
        if (state, event) in found:
            raise ValueError(f"given twice: {pair}")
        found[state, event] = (target, tuple(effect.strip() for effect in effects.split(",") if effect.strip()))
    return found


TRANSFER = """
# The customer is on hold while the third party's phone rings.
none + blind -> blind: hold_customer, call_third
none + consult -> consult: hold_customer, call_third
# Blind: joined at the answer. Consult: the agent talks first, and completes or takes the customer back.
blind + answered -> passing: hand_over
consult + answered -> talking: join_agent
consult + complete -> blind:
talking + complete -> passing: hand_over
passing + joined -> handed_over: free_agent
# What fails, or is cancelled, brings agent and customer back together.
blind + cancel -> none: end_third, take_back
consult + cancel -> none: end_third, take_back
talking + cancel -> none: end_third, take_back
talking + not_joined -> none: end_third, take_back
passing + not_joined -> none: end_third, take_back
blind + third_ended -> none: take_back
consult + third_ended -> none: take_back
talking + third_ended -> none: take_back
passing + third_ended -> none: take_back
# The call is over, and with it the transfer.
blind + call_ended -> none: end_third
consult + call_ended -> none: end_third
talking + call_ended -> none: end_third
passing + call_ended -> none: end_third
"""
