"""The options of a start: strict, and each refusal names its field."""

from __future__ import annotations

import re
import time
from typing import Any

from pydantic import ValidationError
from pydantic_core import to_json

from infra_mind.api.problems import OptionsInvalid
from infra_mind.api.submissions import nearest, parse_options
from infra_mind.errors import FieldProblem, OptionInvalid
from infra_mind.model.task import StartOptions
from infra_mind.model.webhook import target_of
from infra_mind.tasks.records import ms_of
from infra_mind.tasks.webhooks.addresses import AddressPolicy

DEFAULTS = StartOptions()
_FARTHEST_S = 31 * 86_400
_MOST_OPTIONS = 32  # each unknown one is compared with the known ones, on the event loop
_KEY = re.compile(r"[\x21-\x7e]{1,255}")


def start_options(body: bytes, addresses: AddressPolicy) -> StartOptions:
    """The options of a start request's body; an empty body gives the defaults. Raises BadInput naming every wrong field."""
    if not body:
        return DEFAULTS
    return options_of(parse_options(body, max_depth=8), addresses)


def options_of(data: Any, addresses: AddressPolicy) -> StartOptions:
    """Options from JSON data. Raises BadInput naming every wrong field."""
    if not isinstance(data, dict):
        raise OptionInvalid("", 'the body must be a JSON object such as {"priority": "high"}, or empty')
    if len(data) > _MOST_OPTIONS:
        raise OptionInvalid(
            "", f"there are {len(StartOptions.model_fields)} options; the body has {len(data)}"
        )
    problems = _unknown(data)
    known = {name: value for name, value in data.items() if name in StartOptions.model_fields}
    try:
        options = StartOptions.model_validate_json(to_json(known), strict=True)
    except ValidationError as error:
        problems += [
            FieldProblem(".".join(map(str, item["loc"])), item["msg"])
            for item in error.errors(include_url=False, include_input=False)
        ]
    if problems:
        raise OptionsInvalid(problems)
    _check_times(options)
    _check_webhook(options, addresses)
    return options


def idempotency_key(value: str | None) -> str | None:
    """The Idempotency-Key header. Raises OptionInvalid for one that is empty, too long or not printable ASCII."""
    if value is not None and not _KEY.fullmatch(value):
        raise OptionInvalid(
            "Idempotency-Key", "1 to 255 printable ASCII characters without spaces, such as a UUID"
        )
    return value


def _unknown(data: dict[str, Any]) -> list[FieldProblem]:
    return [
        FieldProblem(name[:80], "unknown option", nearest(name, StartOptions.model_fields))
        for name in data
        if name not in StartOptions.model_fields
    ]


def _check_webhook(options: StartOptions, addresses: AddressPolicy) -> None:
    if options.webhook_url is None:
        return
    try:
        addresses.check_target(target_of(options.webhook_url))
    except ValueError as error:
        raise OptionInvalid("webhook_url", str(error)) from None


def _check_times(options: StartOptions) -> None:
    if options.not_before is not None:
        ahead_s = ms_of(options.not_before, "not_before") / 1000 - time.time()
        if ahead_s > _FARTHEST_S:
            raise OptionInvalid("not_before", f"{options.not_before} is more than 31 days ahead")
    if options.limits_problem:
        raise OptionInvalid(*options.limits_problem)
