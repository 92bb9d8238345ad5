"""Roistat's error codes, their Russian texts and their HTTP codes."""

from __future__ import annotations

from collections.abc import Mapping

from .responses import FakeResponse, to_json

# The HTTP code is sent only to who asks with `Use-Http-Code: 1`. No source names one for
# authorization_failed, resource_already_exists and unknown_error: 400 is an assumption there.
CODES: dict[str, tuple[int, str]] = {
    "authentication_failed": (401, "Ошибка аутентификации: неверный ключ или номер проекта."),
    "authorization_failed": (400, "Не удалось авторизоваться во внешней системе."),
    "access_denied": (403, "Доступ запрещен."),
    "insufficient_funds": (402, "Недостаточно средств на балансе."),
    "option_not_available": (403, "Опция недоступна на вашем тарифе."),
    "option_not_enabled": (402, "Опция не подключена."),
    "option_not_paid": (402, "Опция не оплачена."),
    "project_frozen": (402, "Проект заморожен."),
    "integration_error": (400, "Ошибка интеграции."),
    "resource_not_found": (404, "Ресурс не найден."),
    "resource_already_exists": (400, "Ресурс уже существует."),
    "request_data_validation_error": (400, "Ошибка валидации данных запроса."),
    "incorrect_request": (400, "Некорректный запрос."),
    "request_limit_error": (429, "Превышен лимит запросов."),
    "unknown_error": (400, "Неизвестная ошибка."),
    "internal_error": (500, "Внутренняя ошибка сервера."),
}


class FakeApiError(Exception):
    """The fake refuses the request with one of Roistat's error codes."""

    def __init__(self, code: str, description: str | None = None) -> None:
        """Name one of Roistat's codes and, if it matters, the text that goes with it."""
        super().__init__(code)
        self.code = code
        self.description = description


def error_response(
    code: str,
    description: str | None = None,
    *,
    use_http_code: bool = False,
    details: Mapping[str, object] | None = None,
    headers: Mapping[str, str] | None = None,
) -> FakeResponse:
    """Return an error response: HTTP 200 unless real codes were requested."""
    status, text = CODES.get(code, (400, "Ошибка."))
    body: dict[str, object] = {"status": "error", "error": code, "description": description or text}
    if details is not None:
        body["details"] = dict(details)
    return FakeResponse(to_json(body), status if use_http_code else 200, headers=headers or {})
