"""A model service on loopback for real agent programs: it speaks their wire formats and keeps what it was asked.

What it answers stands in the prompt itself, so that one server serves many lanes; requests without tools, which
programs make beside a turn, have no wishes:

    MODEL-hold     some words, then nothing more until ``release`` or until the asker goes away
    MODEL-mute     nothing, held in the same way
    MODEL-tool     a call of the shell tool that the request offers, ``touch model-was-here``
    anything else  one sentence at once, or what ``answer`` says

``refuse`` makes it refuse every request, as a service does whose limit is reached; ``mute`` makes it say nothing.

Formats: Anthropic Messages, OpenAI Chat Completions and Responses, Gemini generateContent, each streamed or whole.
"""

from __future__ import annotations

import gzip
import json
import re
import socket
import sys
import threading
import uuid
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any, ClassVar

Json = dict[str, Any]

ANSWER = "The model has answered."
"""What it says to a prompt without a wish of its own."""
HELD = "The model thinks about it for a while. "
"""What it says before it holds."""

_WISH = re.compile(r"\bMODEL-(hold|mute|tool)\b")
_SHELLS = ("bash", "shell", "shell_command", "exec_command", "run_shell_command", "local_shell")
_COMMAND = "touch model-was-here"
TOKENS_IN, TOKENS_OUT = 1_000, 50
"""What every answer is said to have used, in each format in its own way."""
TOKENS_CACHED, TOKENS_STORED, TOKENS_THOUGHT = 600, 100, 20
"""Of the input: read from a cache, and put into it. Of the output: reasoning."""


@dataclass(frozen=True)
class Tool:
    """A tool that a request offers."""

    name: str
    schema: Json


@dataclass(frozen=True)
class Asked:
    """One request."""

    format: str
    """anthropic, chat, responses or gemini"""
    prompts: tuple[str, ...]
    """every text of a user in it, oldest first"""
    tools: tuple[Tool, ...]
    after_tool: bool
    """its last word is a tool's result"""
    streamed: bool


@dataclass(frozen=True)
class Refusal:
    """Why nothing is answered."""

    status: int
    message: str
    kind: str
    """the type of the error, in the words of the OpenAI formats"""
    headers: tuple[tuple[str, str], ...] = ()
    fields: tuple[tuple[str, Any], ...] = ()
    """more of the error in its body"""

    def body(self, format: str) -> Json:
        error: Json = {"message": self.message, "type": self.kind, "code": self.kind, **dict(self.fields)}
        if format == "anthropic":
            named = {429: "rate_limit_error", 401: "authentication_error"}.get(self.status, "api_error")
            return {"type": "error", "error": {**error, "type": named}}
        if format == "gemini":
            named = {429: "RESOURCE_EXHAUSTED", 401: "UNAUTHENTICATED"}.get(self.status, "INTERNAL")
            return {"error": {**error, "code": self.status, "status": named}}
        return {"error": error}


@dataclass(frozen=True)
class Call:
    """A call of a tool."""

    tool: str
    arguments: Json
    id: str


class _Http(ThreadingHTTPServer):
    def handle_error(self, request: Any, client_address: Any) -> None:
        """An asker that went away is no defect."""
        if not isinstance(sys.exc_info()[1], OSError):
            super().handle_error(request, client_address)


class ModelServer:
    """Serves from ``start`` to ``close``; every request that it was sent stands in ``asked``."""

    def __init__(self) -> None:
        self.asked: list[Asked] = []
        self.answer = ANSWER
        """what it says to a prompt without a wish of its own"""
        self.refuse: Refusal | None = None
        """what it says to every request; None: it serves them"""
        self.mute = False
        """it takes every request and says nothing, until it is released"""
        self._releases = 0
        self._lock = threading.Lock()
        self._changed = threading.Condition(self._lock)
        handler = type("Handler", (_Handler,), {"model": self})
        self._http = _Http(("127.0.0.1", 0), handler)
        self._http.daemon_threads = True
        self._thread = threading.Thread(target=self._http.serve_forever, args=(0.1,), daemon=True)

    @property
    def url(self) -> str:
        """``http://127.0.0.1:PORT``."""
        return f"http://127.0.0.1:{self._http.server_address[1]}"

    def start(self) -> None:
        self._thread.start()

    def close(self) -> None:
        self.release()
        self._http.shutdown()
        self._http.server_close()
        self._thread.join()

    def note(self, asked: Asked) -> None:
        with self._lock:
            self.asked.append(asked)

    def requests(self) -> tuple[Asked, ...]:
        """All of them, oldest first."""
        with self._lock:
            return tuple(self.asked)

    def release(self) -> None:
        """End every answer that it holds now."""
        with self._changed:
            self._releases += 1
            self._changed.notify_all()

    def hold(self, gone: Callable[[], bool]) -> None:
        """Until it is released or the asker is gone."""
        with self._changed:
            before = self._releases
            while self._releases == before and not gone():
                self._changed.wait(0.1)


class _Handler(BaseHTTPRequestHandler):
    model: ClassVar[ModelServer]
    protocol_version = "HTTP/1.1"

    def log_message(self, format: str, *args: object) -> None:
        pass

    def do_HEAD(self) -> None:
        self._whole({})

    def do_GET(self) -> None:
        self._body()
        self._whole({"object": "list", "data": [{"id": "model", "object": "model", "owned_by": "tests"}], "models": []})

    def do_POST(self) -> None:
        path = self.path.partition("?")[0]
        try:
            body = json.loads(self._body() or b"{}")
        except ValueError:
            return self._whole({"error": {"message": "this is no JSON"}}, status=400)
        wire = next((one for one in _FORMATS if one.serves(path)), None)
        if path.endswith("count_tokens") or path.endswith(":countTokens"):
            return self._whole({"input_tokens": TOKENS_IN, "totalTokens": TOKENS_IN})
        if wire is None or not isinstance(body, dict):
            return self._whole({"error": {"message": f"nothing is served at {path}"}}, status=404)
        asked = wire.asked(path, body)
        self.model.note(asked)
        try:
            if refusal := self.model.refuse:
                return self._whole(refusal.body(asked.format), status=refusal.status, headers=refusal.headers)
            if self.model.mute:
                return self.model.hold(self._is_gone)
            self._answer(wire, body, asked)
        except OSError:
            self.close_connection = True

    def _answer(self, wire: _Wire, body: Json, asked: Asked) -> None:
        wish = _WISH.findall(asked.prompts[-1]) if asked.prompts and asked.tools else []
        call = _shell_call(asked) if "tool" in wish and not asked.after_tool else None
        mute = "mute" in wish and not asked.after_tool
        holds = "hold" in wish and not asked.after_tool
        pieces = (HELD, ANSWER) if holds else (self.model.answer,)
        if wants := _structured(body):
            pieces = (json.dumps(wants),)
        if not asked.streamed:
            if holds or mute:
                self.model.hold(self._is_gone)
            return self._whole(wire.whole(body, "".join(pieces), call))
        self.send_response(200)
        self.send_header("Content-Type", "text/event-stream")
        self.send_header("Transfer-Encoding", "chunked")
        self.end_headers()
        self.wfile.flush()
        if mute:
            self.model.hold(self._is_gone)
        for event in wire.stream(body, pieces, call):
            if event is None:
                if holds:
                    self.model.hold(self._is_gone)
                continue
            self._chunk(event)
        self._chunk(b"")
        return None

    def _is_gone(self) -> bool:
        self.connection.setblocking(False)
        try:
            return not self.connection.recv(1, socket.MSG_PEEK)
        except BlockingIOError:
            return False
        except OSError:
            return True
        finally:
            self.connection.setblocking(True)

    def _chunk(self, data: bytes) -> None:
        self.wfile.write(b"%x\r\n%s\r\n" % (len(data), data))
        self.wfile.flush()

    def _body(self) -> bytes:
        if "chunked" in self.headers.get("Transfer-Encoding", ""):
            data = b"".join(self._chunks())
        else:
            data = self.rfile.read(int(self.headers.get("Content-Length") or 0))
        return gzip.decompress(data) if self.headers.get("Content-Encoding") == "gzip" else data

    def _chunks(self) -> Iterator[bytes]:
        while size := int(self.rfile.readline().partition(b";")[0], 16):
            yield self.rfile.read(size)
            self.rfile.readline()
        self.rfile.readline()

    def _whole(self, value: Json, *, status: int = 200, headers: Iterable[tuple[str, str]] = ()) -> None:
        data = json.dumps(value).encode()
        self.send_response(status)
        for header in headers:
            self.send_header(*header)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(data)))
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(data)


def _shell_call(asked: Asked) -> Call | None:
    """A harmless command for the shell tool that is offered, each required argument filled in."""
    tool = next((one for name in _SHELLS for one in asked.tools if one.name.lower() == name), None)
    if tool is None:
        return None
    properties: Mapping[str, Json] = tool.schema.get("properties") or {}
    arguments: Json = {}
    for name, schema in properties.items():
        if name in ("command", "cmd", "script"):
            arguments[name] = ["bash", "-c", _COMMAND] if schema.get("type") == "array" else _COMMAND
        elif name in ("description", "justification"):
            arguments[name] = "Make a file"
        elif name == "sandbox_permissions":
            arguments[name] = "require_escalated"
        elif name in (tool.schema.get("required") or ()):
            arguments[name] = _value(schema)
    return Call(tool.name, arguments, f"call_{uuid.uuid4().hex[:16]}")


def _structured(body: Json) -> Json | None:
    """A value of the shape that a request without tools demands; None where it demands none."""
    settings = body.get("generationConfig") or {}
    schema = settings.get("responseJsonSchema") or settings.get("responseSchema")
    return _value(schema) if schema and not body.get("tools") else None


def _value(schema: Json) -> Any:
    if choices := schema.get("enum"):
        return choices[0]
    kind = str(schema.get("type", "string")).lower()
    if kind == "object":
        return {name: _value(one) for name, one in (schema.get("properties") or {}).items()}
    plain: dict[str, Any] = {"string": "model", "integer": 1, "number": 1, "boolean": False, "array": []}
    return plain.get(kind)


def _texts(content: object, *kinds: str) -> list[str]:
    """The texts of one message: a text itself, or parts of these types."""
    if isinstance(content, str):
        return [content]
    parts = content if isinstance(content, list) else []
    return [part["text"] for part in parts if isinstance(part, dict) and part.get("type") in kinds]


def _sse(value: Json | str, name: str = "") -> bytes:
    data = value if isinstance(value, str) else json.dumps(value)
    return ((f"event: {name}\n" if name else "") + f"data: {data}\n\n").encode()


@dataclass(frozen=True)
class _Wire:
    """One wire format. ``stream`` yields None where an answer that holds waits."""

    serves: Callable[[str], bool]
    asked: Callable[[str, Json], Asked]
    stream: Callable[[Json, tuple[str, ...], Call | None], Iterator[bytes | None]]
    whole: Callable[[Json, str, Call | None], Json]


# Anthropic Messages.


def _anthropic_asked(path: str, body: Json) -> Asked:
    prompts: list[str] = []
    after_tool = False
    for message in body.get("messages") or []:
        if message.get("role") != "user":
            continue
        content = message.get("content")
        prompts += _texts(content, "text")
        parts = content if isinstance(content, list) else []
        after_tool = any(part.get("type") == "tool_result" for part in parts)
    tools = tuple(Tool(one.get("name", ""), one.get("input_schema") or {}) for one in body.get("tools") or [])
    return Asked("anthropic", tuple(prompts), tools, after_tool, bool(body.get("stream")))


def _anthropic_message(body: Json, content: list[Json], stop: str | None) -> Json:
    return {
        "id": f"msg_{uuid.uuid4().hex}",
        "type": "message",
        "role": "assistant",
        "model": body.get("model", "model"),
        "content": content,
        "stop_reason": stop,
        "stop_sequence": None,
        "usage": {
            "input_tokens": TOKENS_IN - TOKENS_CACHED - TOKENS_STORED,
            "cache_read_input_tokens": TOKENS_CACHED,
            "cache_creation_input_tokens": TOKENS_STORED,
            "output_tokens": TOKENS_OUT,
        },
    }


def _anthropic_stream(body: Json, pieces: tuple[str, ...], call: Call | None) -> Iterator[bytes | None]:
    def event(kind: str, **values: Any) -> bytes:
        return _sse({"type": kind, **values}, kind)

    yield event("message_start", message=_anthropic_message(body, [], None))
    if call is None:
        yield event("content_block_start", index=0, content_block={"type": "text", "text": ""})
        for number, piece in enumerate(pieces):
            if number:
                yield None
            yield event("content_block_delta", index=0, delta={"type": "text_delta", "text": piece})
    else:
        block = {"type": "tool_use", "id": call.id, "name": call.tool, "input": {}}
        yield event("content_block_start", index=0, content_block=block)
        delta = {"type": "input_json_delta", "partial_json": json.dumps(call.arguments)}
        yield event("content_block_delta", index=0, delta=delta)
    yield event("content_block_stop", index=0)
    stop = {"stop_reason": "tool_use" if call else "end_turn", "stop_sequence": None}
    yield event("message_delta", delta=stop, usage={"output_tokens": TOKENS_OUT})
    yield event("message_stop")


def _anthropic_whole(body: Json, text: str, call: Call | None) -> Json:
    if call is None:
        return _anthropic_message(body, [{"type": "text", "text": text}], "end_turn")
    used = {"type": "tool_use", "id": call.id, "name": call.tool, "input": call.arguments}
    return _anthropic_message(body, [used], "tool_use")


# OpenAI Chat Completions.


def _chat_asked(path: str, body: Json) -> Asked:
    messages: list[Json] = body.get("messages") or []
    prompts = [text for one in messages if one.get("role") == "user" for text in _texts(one.get("content"), "text")]
    offered = [one.get("function") or {} for one in body.get("tools") or []]
    tools = tuple(Tool(one.get("name", ""), one.get("parameters") or {}) for one in offered)
    after_tool = bool(messages) and messages[-1].get("role") == "tool"
    return Asked("chat", tuple(prompts), tools, after_tool, bool(body.get("stream")))


_CHAT_USAGE = {
    "prompt_tokens": TOKENS_IN,
    "prompt_tokens_details": {"cached_tokens": TOKENS_CACHED},
    "completion_tokens": TOKENS_OUT,
    "completion_tokens_details": {"reasoning_tokens": TOKENS_THOUGHT},
    "total_tokens": TOKENS_IN + TOKENS_OUT,
}


def _chat_call(call: Call) -> Json:
    return {
        "id": call.id,
        "type": "function",
        "function": {"name": call.tool, "arguments": json.dumps(call.arguments)},
    }


def _chat_stream(body: Json, pieces: tuple[str, ...], call: Call | None) -> Iterator[bytes | None]:
    base = {
        "id": f"chatcmpl-{uuid.uuid4().hex}",
        "object": "chat.completion.chunk",
        "created": 0,
        "model": body.get("model", "model"),
    }

    def chunk(delta: Json, finish: str | None = None) -> bytes:
        return _sse({**base, "choices": [{"index": 0, "delta": delta, "finish_reason": finish}]})

    yield chunk({"role": "assistant", "content": ""})
    if call is None:
        for number, piece in enumerate(pieces):
            if number:
                yield None
            yield chunk({"content": piece})
    else:
        yield chunk({"tool_calls": [{"index": 0, **_chat_call(call)}]})
    yield chunk({}, "tool_calls" if call else "stop")
    yield _sse({**base, "choices": [], "usage": _CHAT_USAGE})
    yield _sse("[DONE]")


def _chat_whole(body: Json, text: str, call: Call | None) -> Json:
    message: Json = {"role": "assistant", "content": None if call else text}
    if call:
        message["tool_calls"] = [_chat_call(call)]
    return {
        "id": f"chatcmpl-{uuid.uuid4().hex}",
        "object": "chat.completion",
        "created": 0,
        "model": body.get("model", "model"),
        "choices": [{"index": 0, "message": message, "finish_reason": "tool_calls" if call else "stop"}],
        "usage": _CHAT_USAGE,
    }


# OpenAI Responses.


def _responses_asked(path: str, body: Json) -> Asked:
    given = body.get("input")
    items: list[Json] = [{"role": "user", "content": given}] if isinstance(given, str) else given or []
    prompts = [text for one in items if one.get("role") == "user" for text in _texts(one.get("content"), "input_text")]
    offered = [one for one in body.get("tools") or [] if one.get("type") == "function"]
    tools = tuple(Tool(one.get("name", ""), one.get("parameters") or {}) for one in offered)
    after_tool = bool(items) and str(items[-1].get("type", "")).endswith("_output")
    return Asked("responses", tuple(prompts), tools, after_tool, bool(body.get("stream")))


def _responses_item(text: str, call: Call | None) -> Json:
    if call:
        return {
            "id": f"fc_{call.id}",
            "type": "function_call",
            "status": "completed",
            "call_id": call.id,
            "name": call.tool,
            "arguments": json.dumps(call.arguments),
        }
    content = [{"type": "output_text", "text": text, "annotations": []}]
    return {"id": "msg_1", "type": "message", "role": "assistant", "status": "completed", "content": content}


def _responses_response(body: Json, status: str, output: list[Json]) -> Json:
    usage = {
        "input_tokens": TOKENS_IN,
        "input_tokens_details": {"cached_tokens": TOKENS_CACHED},
        "output_tokens": TOKENS_OUT,
        "output_tokens_details": {"reasoning_tokens": TOKENS_THOUGHT},
        "total_tokens": TOKENS_IN + TOKENS_OUT,
    }
    return {
        "id": f"resp_{uuid.uuid4().hex}",
        "object": "response",
        "created_at": 0,
        "status": status,
        "model": body.get("model", "model"),
        "output": output,
        "usage": usage if status == "completed" else None,
    }


def _responses_stream(body: Json, pieces: tuple[str, ...], call: Call | None) -> Iterator[bytes | None]:
    count = 0

    def event(kind: str, **values: Any) -> bytes:
        nonlocal count
        count += 1
        return _sse({"type": kind, "sequence_number": count, **values}, kind)

    item = _responses_item("".join(pieces), call)
    yield event("response.created", response=_responses_response(body, "in_progress", []))
    if call is None:
        begun = {**item, "status": "in_progress", "content": []}
        yield event("response.output_item.added", output_index=0, item=begun)
        place = {"item_id": item["id"], "output_index": 0, "content_index": 0}
        yield event("response.content_part.added", **place, part={"type": "output_text", "text": "", "annotations": []})
        for number, piece in enumerate(pieces):
            if number:
                yield None
            yield event("response.output_text.delta", **place, delta=piece)
        yield event("response.output_text.done", **place, text="".join(pieces))
        yield event("response.content_part.done", **place, part=item["content"][0])
    else:
        yield event("response.output_item.added", output_index=0, item={**item, "arguments": ""})
        place = {"item_id": item["id"], "output_index": 0}
        yield event("response.function_call_arguments.delta", **place, delta=item["arguments"])
        yield event("response.function_call_arguments.done", **place, arguments=item["arguments"])
    yield event("response.output_item.done", output_index=0, item=item)
    yield event("response.completed", response=_responses_response(body, "completed", [item]))


def _responses_whole(body: Json, text: str, call: Call | None) -> Json:
    return _responses_response(body, "completed", [_responses_item(text, call)])


# Gemini generateContent.


def _gemini_asked(path: str, body: Json) -> Asked:
    prompts: list[str] = []
    after_tool = False
    for message in body.get("contents") or []:
        parts: list[Json] = message.get("parts") or []
        if message.get("role") == "user":
            prompts += [part["text"] for part in parts if "text" in part]
        after_tool = any("functionResponse" in part for part in parts)
    declared = [one for tool in body.get("tools") or [] for one in tool.get("functionDeclarations") or []]
    tools = tuple(
        Tool(one.get("name", ""), one.get("parametersJsonSchema") or one.get("parameters") or {}) for one in declared
    )
    return Asked("gemini", tuple(prompts), tools, after_tool, ":stream" in path)


def _gemini_part(part: Json, finish: str | None) -> Json:
    usage = {
        "promptTokenCount": TOKENS_IN,
        "cachedContentTokenCount": TOKENS_CACHED,
        "candidatesTokenCount": TOKENS_OUT - TOKENS_THOUGHT,
        "thoughtsTokenCount": TOKENS_THOUGHT,
        "totalTokenCount": TOKENS_IN + TOKENS_OUT,
    }
    candidate: Json = {"index": 0, "content": {"role": "model", "parts": [part]}}
    if finish:
        candidate["finishReason"] = finish
    return {"candidates": [candidate], "usageMetadata": usage, "modelVersion": "model"}


def _gemini_call(call: Call) -> Json:
    return {"functionCall": {"id": call.id, "name": call.tool, "args": call.arguments}}


def _gemini_stream(body: Json, pieces: tuple[str, ...], call: Call | None) -> Iterator[bytes | None]:
    if call:
        yield _sse(_gemini_part(_gemini_call(call), "STOP"))
        return
    for number, piece in enumerate(pieces):
        if number:
            yield None
        yield _sse(_gemini_part({"text": piece}, None))
    yield _sse(_gemini_part({"text": ""}, "STOP"))


def _gemini_whole(body: Json, text: str, call: Call | None) -> Json:
    return _gemini_part(_gemini_call(call) if call else {"text": text}, "STOP")


_FORMATS = (
    _Wire(lambda path: path.endswith("/v1/messages"), _anthropic_asked, _anthropic_stream, _anthropic_whole),
    _Wire(lambda path: path.endswith("/chat/completions"), _chat_asked, _chat_stream, _chat_whole),
    _Wire(lambda path: path.endswith("/responses"), _responses_asked, _responses_stream, _responses_whole),
    _Wire(
        lambda path: path.endswith((":generateContent", ":streamGenerateContent")),
        _gemini_asked,
        _gemini_stream,
        _gemini_whole,
    ),
)
