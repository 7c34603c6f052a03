"""What is wrong with a value, said in Spanish: the layers below say it in English, each where it finds it.

A `{}` stands for what differs from case to case. A test holds this table against every such sentence in the code.
"""

from __future__ import annotations

import re

_SPANISH: dict[str, str] = {
    # rows and files of contacts
    "is missing": "falta",
    "is missing: a contact needs at least one number": "falta: un contacto necesita al menos un número",
    "is not a time zone; use an IANA name such as Europe/London": (
        "no es una zona horaria; use un nombre IANA como Europe/Madrid"
    ),
    "more than {} fields": "más de {} campos",
    "a field's name has 1 to {} printable characters": "el nombre de un campo tiene de 1 a {} caracteres visibles",
    "must be text": "debe ser texto",
    "is longer than {} characters": "tiene más de {} caracteres",
    "must be one line without control characters": "debe ser una sola línea sin caracteres de control",
    "is not a date as in 2026-12-31": "no es una fecha como 2026-12-31",
    "has characters that cannot be stored": "tiene caracteres que no se pueden guardar",
    "has a character that cannot be stored": "tiene un carácter que no se puede guardar",
    "is not a number as in 1234.5": "no es un número como 1234.5",
    "must be yes or no": "debe ser sí o no",
    "must begin with + and the country code": "debe empezar por + y el prefijo del país",
    "is not a phone number": "no es un número de teléfono",
    "is not a phone number of any country": "no es un número de teléfono de ningún país",
    "is too short for its country": "es demasiado corto para su país",
    "is too long for its country": "es demasiado largo para su país",
    "is not a possible number in its country": "no es un número posible en su país",
    "the file is not text in {}; save it as CSV UTF-8": "el archivo no es texto en {}; guárdelo como CSV UTF-8",
    "the first line has a quote that is not closed, or is too long to name columns": (
        "la primera línea tiene unas comillas sin cerrar o es demasiado larga para nombrar columnas"
    ),
    "the file is empty; its first line must name the columns": (
        "el archivo está vacío; su primera línea debe nombrar las columnas"
    ),
    "more than {} columns": "más de {} columnas",
    "a file without a header row needs the names of its columns": (
        "un archivo sin fila de nombres necesita que se diga qué es cada columna"
    ),
    "{} columns are named where the file has {}": "se nombran {} columnas y el archivo tiene {}",
    "a quote is not closed, or a value is too long": "unas comillas no se cierran o un valor es demasiado largo",
    "has {} values where the header has {}": "tiene {} valores y la primera fila tiene {}",
    "is not {} text": "no es texto {}",
    "the column {} is there twice": "la columna {} está dos veces",
    "there is no column 'external_id'; the first line must name the columns": (
        "no hay ninguna columna 'external_id'; la primera línea debe nombrar las columnas"
    ),
    "there is no column 'external_id', by which a contact is known again": (
        "no hay ninguna columna 'external_id' (id), por la que se reconoce al contacto"
    ),
    "there is no column 'number' (or 'number_1' to 'number_10')": (
        "no hay ninguna columna 'number' (número), ni de 'number_1' a 'number_10'"
    ),
    "'number' and 'number_1' mean the same; leave one out": "'number' y 'number_1' son lo mismo; omita una",
    "the column {} has no number column beside it": "la columna {} no tiene una columna de número a su lado",
    "is not a JSON object on one line": "no es un objeto JSON en una línea",
    "the JSON array is broken in contact {}; {} were read": (
        "la lista JSON está rota en el contacto {}; se leyeron {}"
    ),
    "is not a JSON object": "no es un objeto JSON",
    "numbers must be a list and fields an object": "numbers debe ser una lista y fields un objeto",
    "more than {} numbers": "más de {} números",
    "is for CSV; JSON says by itself what each value is": "es para CSV; JSON dice por sí mismo qué es cada valor",
    "the import was interrupted; send the file again, nothing is doubled": (
        "la importación se interrumpió; envíe el archivo otra vez, no se duplica nada"
    ),
    "the service stopped during the import; send the file again, nothing is doubled": (
        "el servicio se paró durante la importación; envíe el archivo otra vez, no se duplica nada"
    ),
    # what is taken, in use, or not there
    "the user name {} is taken": "el nombre de usuario {} ya está en uso",
    "a {} takes no calls": "un {} no atiende llamadas",
    "this user takes no calls": "este usuario no atiende llamadas",
    "the user has calls in the records; set active to false instead": (
        "el usuario tiene llamadas en los registros; desactívelo"
    ),
    "the role admin is for users without tenant, every other role for users of a tenant": (
        "el rol admin es para usuarios sin organización, los demás para usuarios de una"
    ),
    "the agent must be offline or idle, with no call or message still up, to move to another cell": (
        "para pasar a otra central el agente debe estar desconectado o no disponible, sin llamada ni mensaje en curso"
    ),
    "say which cell: there is more than one": "diga qué central: hay más de una",
    "there is no cell yet": "todavía no hay ninguna central",
    "a campaign {} exists already": "ya existe una campaña {}",
    "the campaign is running; stop it first": "la campaña está en marcha; párela antes",
    "the campaign has offers or calls in the records, which are kept": (
        "la campaña tiene contactos mostrados o llamadas en los registros, que se conservan"
    ),
    "no trunk allows {}": "ninguna troncal permite {}",
    "the contact is in a call now; remove it after that": "el contacto está en una llamada; quítelo después",
    "the contact is blocked already and will not be called": "el contacto ya está bloqueado y no se le llamará",
    "the contact is not removed, it is {}": "el contacto no está quitado, está {}",
    "{} is on the list already": "{} ya está en la lista",
    "a field {} exists already": "ya existe un campo {}",
    "a data center {} exists already": "ya existe un centro de datos {}",
    "the data center still has cells": "el centro de datos todavía tiene centrales",
    "a cell {} exists already": "ya existe una central {}",
    "the cell still has agents, trunks or records": "la central todavía tiene agentes, troncales o registros",
    "must be between {} and {}": "debe estar entre {} y {}",
    "a list {} exists already in this campaign": "ya existe una lista {} en esta campaña",
    "the list has contacts or imports; set active to false instead": (
        "la lista tiene contactos o importaciones; desactívela"
    ),
    "is not a cursor of this list; leave it out, or give `next` of the former page": (
        "no es una posición de esta lista; omítalo o indique `next` de la página anterior"
    ),
    "is a phone in a browser, which belongs to one user; its user can choose the browser": (
        "es un teléfono de navegador, que es de un solo usuario; ese usuario puede elegir el navegador"
    ),
    "is another agent's phone; choose your own, or let the other one give it up first": (
        "es el teléfono de otro agente; elija el suyo o que el otro lo deje antes"
    ),
    "is a trunk, not a phone; name the endpoint of a phone": (
        "es una troncal, no un teléfono; diga el endpoint de un teléfono"
    ),
    "the user name is too long for a phone in the browser; choose a SIP phone": (
        "el nombre de usuario es demasiado largo para un teléfono en el navegador; elija un teléfono SIP"
    ),
    "The recording is not complete yet; wait for the end of the call": (
        "La grabación todavía no está completa; espere al final de la llamada"
    ),
    "must not be null; leave it out to keep it as it is": "no puede ser nulo; omítalo para dejarlo como está",
    "there is no {} {}": "no existe {} {}",
    "a team {} exists already": "ya existe un equipo {}",
    "campaigns still have this team; take it out of them first": (
        "hay campañas con este equipo; quítelo antes de ellas"
    ),
    "a tenant {} exists already": "ya existe una organización {}",
    "the tenant still owns users, campaigns or records": (
        "la organización todavía tiene usuarios, campañas o registros"
    ),
    "is in the past": "ya ha pasado",
    "is more than two years ahead": "queda a más de dos años",
    "must name {{number}} exactly once, as in PJSIP/{{number}}@carrier": (
        "debe nombrar {{number}} exactamente una vez, como en PJSIP/{{number}}@carrier"
    ),
    "a trunk {} exists already": "ya existe una troncal {}",
    "the trunk is still in use; set enabled to false instead": "la troncal todavía está en uso; desactívela",
    # settings of campaigns
    "unknown weekday {}; use {}": "día desconocido {}; use {}",
    "{}: give times without an offset; they are in the contact's zone": (
        "{}: dé horas sin desfase; son las de la zona del contacto"
    ),
    "{}: {} is not before {}": "{}: {} no es antes de {}",
    "offer_timeout below 10 s needs offer_timeout_action 'accept'; set offer_timeout to 10-7200 or the action to "
    "'accept'": (
        "menos de 10 s para decidir necesita que al acabarse se llame; ponga de 10 a 7200 o elija «llamar» (accept)"
    ),
    "amd_treatment {} needs amd 'inline' (amd is {}); set amd to 'inline' or amd_treatment to 'to_agent'": (
        "amd_treatment {} necesita la detección antes de unir, 'inline' (ahora es {}); póngala o elija 'to_agent'"
    ),
    "dispositions: a code is given twice": "resultados: un código está dos veces",
    "default_disposition {} is not one of dispositions": "el resultado normal {} no está entre los resultados",
    "default_disposition {} asks for a time; its rule must not be 'callback'": (
        "el resultado normal {} pide una hora; su regla no puede ser 'callback'"
    ),
    # recorded messages
    "is larger than {} MB; send a shorter one, or MP3 or OGG": "ocupa más de {} MB; envíe uno más corto, o MP3 u OGG",
    "is not WAV, MP3 or OGG; convert it to one of these": "no es WAV, MP3 ni OGG; conviértalo a uno de ellos",
    "could not be read within {} s; save it anew and send that": (
        "no se pudo leer en {} s; guárdelo de nuevo y envíe ese"
    ),
    "could not be read as sound; save it anew as WAV, MP3 or OGG": (
        "no se pudo leer como sonido; guárdelo de nuevo como WAV, MP3 u OGG"
    ),
    "is silent; send a recording with speech": "no se oye nada; envíe una grabación con voz",
    "lasts longer than {} s; a message is {} to {} s long": "dura más de {} s; un mensaje dura de {} a {} s",
    "lasts {} s; a message is {} to {} s long": "dura {} s; un mensaje dura de {} a {} s",
}

_NESTED = re.compile(r"column (\d+): (.+)", re.DOTALL)


def _pattern(english: str) -> re.Pattern[str]:
    parts = english.replace("{{", "\0").replace("}}", "\1").split("{}")
    plain = [re.escape(part.replace("\0", "{").replace("\1", "}")) for part in parts]
    return re.compile("(.+?)".join(plain), re.DOTALL)


_EXACT = {english: spanish for english, spanish in _SPANISH.items() if "{" not in english}
_PATTERNS = [(_pattern(english), spanish) for english, spanish in _SPANISH.items() if "{" in english]


def said(text: str, language: str) -> str:
    """The sentence in the language of who reads it; one that is not known stays as it is."""
    if not language.startswith("es"):
        return text
    if text in _EXACT:
        return _EXACT[text]
    nested = _NESTED.fullmatch(text)
    if nested:
        return f"columna {nested[1]}: {said(nested[2], language)}"
    for pattern, spanish in _PATTERNS:
        found = pattern.fullmatch(text)
        if found:
            return spanish.format(*found.groups())
    return text
