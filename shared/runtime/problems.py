"""Errors as RFC 9457 problem+json: which field, what is wrong, never the value that was sent.

Submitted values are health data, and an error body ends up in the logs of the sending system.
"""

import http
from collections.abc import Mapping, Sequence
from typing import Any

from fastapi import FastAPI, Request
from fastapi.exceptions import RequestValidationError
from fastapi.responses import JSONResponse
from starlette.exceptions import HTTPException

from shared.contracts.reader import Refused, escape_pointer

_STATUS_OF_REFUSAL = {"too-large": 413, "not-json": 400, "not-utf8": 400}

# Messages of pydantic that are fixed, or quote only the limits we declared. All others may quote
# the input and are replaced.
_SAFE_MESSAGES = frozenset(
    {
        "missing",
        "extra_forbidden",
        "string_type",
        "int_type",
        "float_type",
        "bool_type",
        "dict_type",
        "list_type",
        "tuple_type",
        "set_type",
        "model_type",
        "model_attributes_type",
        "decimal_type",
        "date_type",
        "datetime_type",
        "time_type",
        "bytes_type",
        "none_required",
        "int_parsing",
        "float_parsing",
        "bool_parsing",
        "decimal_parsing",
        "decimal_max_digits",
        "decimal_max_places",
        "string_too_short",
        "string_too_long",
        "string_pattern_mismatch",
        "greater_than",
        "greater_than_equal",
        "less_than",
        "less_than_equal",
        "multiple_of",
        "too_short",
        "too_long",
        "literal_error",
        "enum",
        "finite_number",
        "timezone_aware",
        "timezone_naive",
        "int_from_float",
    }
)


class Problem(HTTPException):
    """What a handler raises to answer with an error.

    `type` is a short slug, the stable name of the problem for programs; `errors` are mappings
    with `pointer` (RFC 6901, into the request body) and `detail`. None of the texts may hold
    submitted values.
    """

    def __init__(
        self,
        status: int,
        type: str,
        title: str,
        detail: str | None = None,
        errors: Sequence[Mapping[str, str]] = (),
        headers: Mapping[str, str] | None = None,
    ) -> None:
        super().__init__(status, detail or title, headers)
        self.type = type
        self.title = title
        self.explanation = detail
        self.errors = tuple(errors)


def problem_response(problem: Problem, request_id: str | None = None) -> JSONResponse:
    """The response for a problem; `request_id` leads from the error to the log."""
    body: dict[str, Any] = {
        "type": f"urn:vigil:problem:{problem.type}",
        "title": problem.title,
        "status": problem.status_code,
    }
    if problem.explanation:
        body["detail"] = problem.explanation
    if request_id:
        body["instance"] = f"urn:vigil:request:{request_id}"
    if problem.errors:
        body["errors"] = [dict(error) for error in problem.errors]
    return JSONResponse(
        body,
        status_code=problem.status_code,
        headers=dict(problem.headers or {}),
        media_type="application/problem+json",
    )


def problem_of_refusal(refused: Refused) -> Problem:
    """The strict reader's refusal: 400 unreadable, 413 too large, 422 readable but not accepted."""
    codes = [problem.code for problem in refused.problems]
    return Problem(
        _STATUS_OF_REFUSAL.get(codes[0], 422) if codes else 422,
        "body-refused",
        "The request body is not acceptable",
        errors=[
            {"pointer": problem.pointer, "code": problem.code, "detail": problem.detail}
            for problem in refused.problems
        ],
    )


def problem_of_validation(errors: Sequence[Any]) -> Problem:
    """Pydantic's errors, from their places and kinds alone."""
    return Problem(
        422,
        "invalid-request",
        "The request does not have the expected form",
        errors=[_field_error(error) for error in errors],
    )


def problem_of_status(status: int, headers: Mapping[str, str] | None = None) -> Problem:
    """For what the framework itself answers: 404, 405 and their like."""
    title = http.HTTPStatus(status).phrase
    return Problem(status, title.lower().replace(" ", "-"), title, headers=headers)


def install(app: FastAPI) -> None:
    """Makes the app answer every error it handles itself as problem+json."""

    @app.exception_handler(HTTPException)
    def answer_http_error(request: Request, error: HTTPException) -> JSONResponse:
        problem = (
            error
            if isinstance(error, Problem)
            else problem_of_status(error.status_code, error.headers)
        )
        return problem_response(problem, request.scope.get("vigil.request_id"))

    @app.exception_handler(RequestValidationError)
    def answer_invalid(request: Request, error: RequestValidationError) -> JSONResponse:
        problem = problem_of_validation(error.errors())
        return problem_response(problem, request.scope.get("vigil.request_id"))


def _field_error(error: Mapping[str, Any]) -> dict[str, str]:
    place, *inside = error["loc"]
    kind = error["type"]
    detail = error["msg"] if kind in _SAFE_MESSAGES else "is not acceptable here"
    if place == "body":
        pointer = "".join("/" + escape_pointer(part) for part in inside)
        return {"pointer": pointer, "code": kind, "detail": detail}
    # A parameter is no part of the body: RFC 9457 leaves the members' names to us.
    return {
        "in": str(place),
        "parameter": "/".join(map(str, inside)),
        "code": kind,
        "detail": detail,
    }
