"""A problem on its way out: as a document for programs, as a page for people."""

from __future__ import annotations

import json
from http import HTTPStatus
from typing import TYPE_CHECKING

from flask import Response, request

from moorage_processes.ogc import vocabulary as ogc
from moorage_processes.ogc.pages.page import page
from moorage_processes.ogc.problems import Problem, of_error

if TYPE_CHECKING:
    from flask import Flask


def respond(problem: Problem) -> Response:
    """The HTTP answer; a page for people, and ``application/json`` where the caller asks for that by name."""
    accept = request.accept_mimetypes
    if request.args.get("f") == "html" or (accept and accept.best_match([ogc.JSON, ogc.HTML], ogc.JSON) == ogc.HTML):
        return _finished(page("problem", problem.to_json(), problem.status), problem)
    return respond_to_program(problem)


def respond_to_program(problem: Problem) -> Response:
    """The HTTP answer where there are no pages."""
    media_type = ogc.JSON if ogc.JSON in request.headers.get("Accept", "") else ogc.PROBLEM
    return _finished(Response(json.dumps(problem.to_json()), problem.status, content_type=media_type), problem)


def _finished(response: Response, problem: Problem) -> Response:
    response.headers.update(problem.headers)
    response.vary.add("Accept")
    return response


def in_place_of_another(response: Response) -> Response:
    """The problem, where something is no longer what ``If-Match`` names; Werkzeug would send it all the same."""
    if response.status_code != HTTPStatus.PRECONDITION_FAILED:
        return response
    response.close()
    return respond(Problem(412, "PreconditionFailed", "this is no longer what If-Match names; ask again without it"))


def register(app: Flask, *, pages: bool = True) -> None:
    """Let every error of *app* leave as a problem document, or as a page where it has *pages*."""

    def handle(error: Exception) -> Response:
        return (respond if pages else respond_to_program)(of_error(error))

    app.register_error_handler(Exception, handle)
