"""Refused requests as problem documents (RFC 9457): a stable `code`, and a sentence in English or Spanish.

`Problem` is what handlers raise; errors of the dialer and of the store become problems here, so that a handler
lets them pass.
"""

from __future__ import annotations

from collections.abc import Mapping
from http import HTTPStatus
from typing import Any

from pydantic import BaseModel, Field
from sqlalchemy.exc import InterfaceError, OperationalError

from telephony.dialer.errors import DialerError, Elsewhere, NoCapacity, NotFound, OfferClosed
from telephony.model import reasons
from telephony.store.engine import StoreUnavailable
from telephony.store.errors import StoreError
from telephony.web.sentences import said

STATUS: dict[str, int] = {
    "BAD_JSON": 400,
    "BAD_REQUEST": 400,
    "UNAUTHENTICATED": 401,
    "WRONG_PASSWORD": 401,
    "FORBIDDEN": 403,
    "NO_DESK": 403,
    "ORIGIN_REFUSED": 403,
    "NOT_FOUND": 404,
    "METHOD_NOT_ALLOWED": 405,
    "ALREADY_EXISTS": 409,
    "IN_USE": 409,
    "TOO_LARGE": 413,
    "UNSUPPORTED_MEDIA_TYPE": 415,
    "BAD_RANGE": 416,
    "INVALID": 422,
    "TENANT_NEEDED": 422,
    "TOO_MANY_SIGN_INS": 429,
    "TOO_MANY_FEEDS": 429,
    "INTERNAL": 500,
    "STORE_UNAVAILABLE": 503,
    "NOT_READY": 503,
    "CELL_UNREACHABLE": 503,
    "CONVERTER_MISSING": 503,
    "FOLDER_UNUSABLE": 503,
}
"""Codes of the web itself with their status; every code of the dialer (SPEC section 5) is a 409."""

_TEXTS: dict[str, tuple[str, str]] = {
    "BAD_JSON": ("The body is not valid JSON", "El cuerpo no es JSON válido"),
    "BAD_REQUEST": ("The request cannot be understood", "No se entiende la petición"),
    "UNAUTHENTICATED": ("Sign in first", "Inicie sesión primero"),
    "WRONG_PASSWORD": ("User name or password is wrong", "El usuario o la contraseña no son correctos"),
    "FORBIDDEN": ("Your role does not allow this", "Su rol no permite esto"),
    "NO_DESK": ("This is only for users who take calls", "Esto es solo para usuarios que atienden llamadas"),
    "ORIGIN_REFUSED": (
        "The request came from another web site than this one",
        "La petición vino de un sitio web distinto de este",
    ),
    "NOT_FOUND": ("There is no such thing", "No existe"),
    "METHOD_NOT_ALLOWED": ("This address does not know this method", "Esta dirección no admite este método"),
    "ALREADY_EXISTS": ("Something with this name exists already", "Ya existe algo con este nombre"),
    "IN_USE": ("It is still in use", "Todavía está en uso"),
    "TOO_LARGE": ("The body is too large", "El cuerpo es demasiado grande"),
    "UNSUPPORTED_MEDIA_TYPE": (
        "The body's Content-Type is not one this address takes",
        "El Content-Type del cuerpo no es uno de los admitidos aquí",
    ),
    "BAD_RANGE": (
        "The sound does not reach so far; ask for a Range within its size",
        "El sonido no llega tan lejos; pida un Range dentro de su tamaño",
    ),
    "INVALID": ("Some fields are not right", "Hay campos incorrectos"),
    "TENANT_NEEDED": ("Say which tenant with ?tenant=", "Indique el cliente con ?tenant="),
    "TOO_MANY_SIGN_INS": (
        "Too many failed sign-ins; wait a little",
        "Demasiados intentos fallidos; espere un poco",
    ),
    "TOO_MANY_FEEDS": (
        "Too many live feeds of this user are open",
        "Este usuario tiene demasiadas conexiones en vivo abiertas",
    ),
    "INTERNAL": ("The service made an error; it was logged", "El servicio cometió un error; quedó registrado"),
    "STORE_UNAVAILABLE": ("The database cannot be reached", "No se puede acceder a la base de datos"),
    "NOT_READY": ("The service is not ready", "El servicio no está listo"),
    "CELL_UNREACHABLE": (
        "The cell of this agent cannot be reached; try again",
        "No se puede acceder a la celda de este agente; inténtelo de nuevo",
    ),
    "CONVERTER_MISSING": (
        "A program that converts messages is not installed where the service runs",
        "Falta un programa para convertir mensajes donde corre el servicio",
    ),
    "FOLDER_UNUSABLE": (
        "The folder for messages cannot be used; `telephony doctor` tells why",
        "No se puede usar la carpeta de mensajes; `telephony doctor` indica por qué",
    ),
}


class FieldProblem(BaseModel):
    field: str = Field(description="where it is, e.g. `callback.at`; empty: the body as a whole")
    message: str


class ProblemDocument(BaseModel):
    """An `application/problem+json` body; some codes carry further members."""

    type: str = "about:blank"
    title: str
    status: int
    code: str
    detail: str
    request: str = Field(description="the id under which the service logged this request")
    errors: list[FieldProblem] | None = None
    used: int | None = Field(default=None, description="calls or channels up, for a reached limit")
    limit: int | None = None
    winner: str | None = Field(default=None, description="state of an offer that was already decided")
    retry_after: int | None = Field(default=None, description="seconds")
    allowed: list[str] | None = Field(default=None, description="the Content-Types that this address takes")


class Problem(Exception):
    """A refusal to answer with. `members` join the document, `headers` the answer."""

    def __init__(
        self,
        code: str,
        *,
        detail: str = "",
        errors: list[dict[str, str]] | None = None,
        headers: Mapping[str, str] | None = None,
        **members: Any,
    ) -> None:
        super().__init__(code)
        self.code = code
        self.status = STATUS.get(code, 409)
        self.detail = detail
        self.headers = dict(headers or {})
        self.members = members | ({"errors": errors} if errors else {})

    def document(self, language: str, request_id: str) -> dict[str, Any]:
        return {
            "type": "about:blank",
            "title": HTTPStatus(self.status).phrase,
            "status": self.status,
            "code": self.code,
            "detail": self.detail or sentence(self.code, language),
            "request": request_id,
            **self.members,
        }


def sentence(code: str, language: str) -> str:
    """The sentence for a code of the web or of the dialer; raises KeyError for an unknown one."""
    if code in _TEXTS:
        return _TEXTS[code][1 if language.startswith("es") else 0]
    return reasons.text(code, language)


def problem_of(error: Exception, language: str) -> Problem | None:
    """The problem that a lower layer's error is to the caller; None: a fault of ours."""
    match error:
        case Problem():
            return error
        case NoCapacity():
            return _no_capacity(error, language)
        case OfferClosed():
            return Problem(error.code, winner=error.winner)
        case NotFound() | Elsewhere():
            return Problem(error.code)
        case DialerError():
            # its own sentence says more than the code's, in English
            return Problem(error.code, detail="" if language.startswith("es") else str(error))
        case StoreError():
            return _of_store(error, language)
        case StoreUnavailable() | OperationalError() | InterfaceError():
            return Problem("STORE_UNAVAILABLE")
        case _:
            return None


def _no_capacity(error: NoCapacity, language: str) -> Problem:
    if not error.limit:
        return Problem(error.code)
    figures = f"({error.used} de {error.limit})" if language.startswith("es") else f"({error.used} of {error.limit} up)"
    detail = f"{sentence(error.code, language)} {figures}"
    return Problem(error.code, detail=detail, used=error.used, limit=error.limit)


def _of_store(error: StoreError, language: str) -> Problem:
    message = said(error.message, language)
    if error.field:
        return Problem(error.code, errors=[{"field": error.field, "message": message}])
    return Problem(error.code, detail=message)
