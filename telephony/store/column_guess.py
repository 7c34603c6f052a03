"""What the columns of a stranger's file most likely are, by their headings in English or Spanish."""

from __future__ import annotations

import unicodedata
from collections.abc import Mapping, Sequence

from telephony.store.contact_row import MOST_NUMBERS, OWN_NAMES, Rejected, field_name

_HEADINGS: dict[str, tuple[str, ...]] = {
    "external_id": (
        "externalid", "id", "customerid", "customernumber", "customerno", "clientid", "contactid", "accountid",
        "accountnumber", "account", "reference", "ref", "crmid", "recordid", "codigo", "codigocliente", "idcliente",
        "idcontacto", "numerocliente", "numerodecliente", "ncliente", "referencia", "expediente", "cuenta",
    ),
    "name": (
        "name", "fullname", "customername", "clientname", "contactname", "customer", "contact", "nombre",
        "nombrecompleto", "nombreyapellidos", "nombrecliente", "cliente", "contacto", "razonsocial",
    ),
    "number": (
        "number", "phone", "phonenumber", "telephone", "telephonenumber", "tel", "mobile", "mobilenumber",
        "mobilephone", "cell", "cellphone", "landline", "homephone", "workphone", "telefono", "numerodetelefono",
        "numerotelefono", "tlf", "tfno", "movil", "telefonomovil", "celular", "fijo", "telefonofijo", "numero",
    ),
    "zone": ("zone", "timezone", "tz", "zonahoraria", "husohorario", "huso"),
    "consent": ("consent", "optin", "consentimiento", "consiente"),
}  # fmt: skip
_MEANS = {heading: name for name, headings in _HEADINGS.items() for heading in headings}


def guess(headings: Sequence[str], fields: Mapping[str, str]) -> list[str]:
    """The name of each column, empty for one to pass over; `fields`: the tenant's fields, label by name.

    Own names stay, headings that are known become one of them, further telephone columns number_2 and so on, and
    anything else is a field of its own name.
    """
    known = {_plain(text): name for name, label in fields.items() for text in (label, name)}
    own = {heading.strip().lower() for heading in headings} & OWN_NAMES
    taken: set[str] = set()
    names = []
    for heading in headings:
        name = _name(heading.strip(), known, own | taken, taken)
        taken.add(name)
        names.append(name)
    return names


def _name(heading: str, fields: Mapping[str, str], kept: set[str], taken: set[str]) -> str:
    if heading.lower() in OWN_NAMES:
        name = heading.lower()
    else:
        plain = _plain(heading)
        name = fields.get(plain) or _MEANS.get(plain) or _MEANS.get(plain.rstrip("0123456789")) or heading
        if name == "number":
            name = _next_number(kept)
        elif name in OWN_NAMES and name in kept:
            name = heading  # another column has that meaning already
    try:
        usable = not name.startswith("_") and name not in taken and bool(field_name(name))
    except Rejected:
        usable = False
    return name if usable else ""


def _next_number(taken: set[str]) -> str:
    if not taken & {"number", "number_1"}:
        return "number"
    return next((name for n in range(2, MOST_NUMBERS + 1) if (name := f"number_{n}") not in taken), "")


def _plain(text: str) -> str:
    """Lower case letters and digits without accents."""
    apart = unicodedata.normalize("NFKD", text.lower())
    return "".join(character for character in apart if character.isalnum())
