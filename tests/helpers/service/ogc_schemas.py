"""JSON schemas of what OGC API - Processes 1.0 says of its answers, written down from the text of the standard."""

from typing import Any

URI = "^https?://"


def anything(**properties: Any) -> dict[str, Any]:
    return {"type": "object", "properties": properties}


LINK = {"type": "object", "required": ["href"], "properties": {
    "href": {"type": "string", "pattern": URI}, "rel": {"type": "string"}, "type": {"type": "string"},
    "hreflang": {"type": "string"}, "title": {"type": "string"}}}  # fmt: skip
LINKS = {"type": "array", "items": LINK}
TIME = {"type": "string", "format": "date-time", "pattern": "T.*Z$"}
LANDING = {"type": "object", "required": ["links"], "properties": {"links": LINKS, "title": {"type": "string"}}}
CONFORMANCE = {"type": "object", "required": ["conformsTo"], "properties": {
    "conformsTo": {"type": "array", "items": {"type": "string", "pattern": URI}}}}  # fmt: skip
STATUS_INFO = {"type": "object", "required": ["jobID", "status", "type"], "properties": {
    "processID": {"type": "string"}, "type": {"enum": ["process"]}, "jobID": {"type": "string"},
    "status": {"enum": ["accepted", "running", "successful", "failed", "dismissed"]}, "message": {"type": "string"},
    "created": TIME, "started": TIME, "finished": TIME, "updated": TIME,
    "progress": {"type": "integer", "minimum": 0, "maximum": 100}, "links": LINKS}}  # fmt: skip
JOB_LIST = {"type": "object", "required": ["jobs", "links"], "properties": {
    "jobs": {"type": "array", "items": STATUS_INFO}, "links": LINKS}}  # fmt: skip
PROCESS_SUMMARY = {"type": "object", "required": ["id", "version"], "properties": {
    "id": {"type": "string"}, "version": {"type": "string"}, "title": {"type": "string"},
    "description": {"type": "string"},
    "jobControlOptions": {"type": "array", "items": {"enum": ["sync-execute", "async-execute", "dismiss"]}},
    "outputTransmission": {"type": "array", "items": {"enum": ["value", "reference"]}}, "links": LINKS}}  # fmt: skip
PROCESS_LIST = {"type": "object", "required": ["processes", "links"], "properties": {
    "processes": {"type": "array", "items": PROCESS_SUMMARY}, "links": LINKS}}  # fmt: skip
# The dialect of OpenAPI 3.0: no null type, no tuples, nothing beyond these words.
SCHEMA: dict[str, Any] = {"$id": "urn:openapi-schema", "type": "object", "additionalProperties": False, "properties": {
    **{name: {"type": "string"} for name in ("title", "description", "format", "pattern", "contentMediaType")},
    **{name: {"type": "integer", "minimum": 0} for name in (
        "maxLength", "minLength", "maxItems", "minItems", "maxProperties", "minProperties")},
    **{name: {"type": "number"} for name in ("minimum", "maximum", "multipleOf")},
    **{name: {"type": "boolean"} for name in ("exclusiveMinimum", "exclusiveMaximum", "nullable", "uniqueItems")},
    **{name: {"type": "array", "items": {"$ref": "#"}, "minItems": 1} for name in ("allOf", "oneOf", "anyOf")},
    "type": {"enum": ["array", "boolean", "integer", "number", "object", "string"]},
    "enum": {"type": "array", "minItems": 1}, "required": {"type": "array", "items": {"type": "string"}},
    "items": {"$ref": "#"}, "not": {"$ref": "#"}, "default": {},
    "properties": {"type": "object", "additionalProperties": {"$ref": "#"}},
    "additionalProperties": {"anyOf": [{"type": "boolean"}, {"$ref": "#"}]}}}  # fmt: skip
INPUT = {"type": "object", "required": ["schema"], "properties": {
    "title": {"type": "string"}, "description": {"type": "string"}, "minOccurs": {"type": "integer"},
    "maxOccurs": {"oneOf": [{"type": "integer"}, {"enum": ["unbounded"]}]}, "schema": SCHEMA}}  # fmt: skip
PROCESS = {"allOf": [PROCESS_SUMMARY, {"required": ["inputs", "outputs"], "properties": {
    "inputs": {"type": "object", "additionalProperties": INPUT},
    "outputs": {"type": "object", "additionalProperties": {**INPUT, "required": ["schema"]}}}}]}  # fmt: skip
# A result is a plain value, a qualified one, or a link; an object without `value` or `href` is neither.
RESULTS = {"type": "object", "additionalProperties": {"oneOf": [
    {"type": ["string", "number", "boolean", "array"]},
    {"type": "object", "required": ["value"], "not": {"required": ["href"]}}, LINK]}}  # fmt: skip
EXCEPTION = {"type": "object", "required": ["type"], "properties": {
    "type": {"type": "string"}, "title": {"type": "string"}, "status": {"type": "integer"},
    "detail": {"type": "string"}, "instance": {"type": "string"}}}  # fmt: skip
