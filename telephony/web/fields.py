"""pydantic's findings as `{field, message}`, in English or Spanish."""

from __future__ import annotations

from collections.abc import Iterable

from pydantic_core import ErrorDetails

from telephony.web.sentences import said

_SPANISH = {
    "missing": "falta",
    "extra_forbidden": "este campo no existe",
    "string_too_short": "necesita al menos {min_length} caracteres",
    "string_too_long": "admite como máximo {max_length} caracteres",
    "string_pattern_mismatch": "no tiene la forma {pattern}",
    "string_type": "debe ser texto",
    "int_type": "debe ser un número entero",
    "int_parsing": "debe ser un número entero",
    "float_parsing": "debe ser un número",
    "bool_type": "debe ser verdadero o falso",
    "bool_parsing": "debe ser verdadero o falso",
    "greater_than": "debe ser mayor que {gt}",
    "greater_than_equal": "debe ser {ge} o mayor",
    "less_than": "debe ser menor que {lt}",
    "less_than_equal": "debe ser {le} o menor",
    "enum": "debe ser uno de {expected}",
    "literal_error": "debe ser uno de {expected}",
    "list_type": "debe ser una lista",
    "tuple_type": "debe ser una lista",
    "frozen_set_type": "debe ser una lista",
    "int_from_float": "debe ser un número entero",
    "date_from_datetime_parsing": "debe ser una fecha ISO 8601",
    "time_parsing": "debe ser una hora como 08:00",
    "dict_type": "debe ser un objeto",
    "model_type": "debe ser un objeto",
    "too_short": "necesita al menos {min_length} elementos",
    "too_long": "admite como máximo {max_length} elementos",
    "datetime_parsing": "debe ser una fecha y hora ISO 8601",
    "datetime_from_date_parsing": "debe ser una fecha y hora ISO 8601",
    "timezone_aware": "necesita una zona horaria",
    "uuid_parsing": "debe ser un identificador",
    "json_invalid": "JSON no válido",
}


def field_problems(errors: Iterable[ErrorDetails], language: str) -> list[dict[str, str]]:
    """One entry for each finding; `field` is a dotted path, empty for the body as a whole."""
    spanish = language.startswith("es")
    return [{"field": _field(one), "message": _message(one, spanish)} for one in errors]


def _field(error: ErrorDetails) -> str:
    return ".".join(str(part) for part in error["loc"] if part != "[key]")


def _message(error: ErrorDetails, spanish: bool) -> str:
    if spanish and error["type"] in _SPANISH:
        return _SPANISH[error["type"]].format_map(error.get("ctx", {}))
    if error["type"] == "extra_forbidden":
        return "this field does not exist"
    text = error["msg"].removeprefix("Value error, ").removeprefix("Input ")
    return said(text[0].lower() + text[1:], "es" if spanish else "en")
