---@meta h2probe
-- The script language for editors (LuaLS): what docs/scripting.md describes. Nothing here is run. All of it is in one file,
-- which is what an editor is told to look into.
-- Octets are Lua strings; times are seconds; stream identifiers and error codes are those of RFC 9113.

---@alias h2.ErrorCode
---| "NO_ERROR" | "PROTOCOL_ERROR" | "INTERNAL_ERROR" | "FLOW_CONTROL_ERROR" | "SETTINGS_TIMEOUT" | "STREAM_CLOSED"
---| "FRAME_SIZE_ERROR" | "REFUSED_STREAM" | "CANCEL" | "COMPRESSION_ERROR" | "CONNECT_ERROR" | "ENHANCE_YOUR_CALM"
---| "INADEQUATE_SECURITY" | "HTTP_1_1_REQUIRED"

---@alias h2.FrameName
---| "DATA" | "HEADERS" | "PRIORITY" | "RST_STREAM" | "SETTINGS" | "PUSH_PROMISE" | "PING" | "GOAWAY" | "WINDOW_UPDATE"
---| "CONTINUATION" | "ALTSVC" | "ORIGIN" | "PRIORITY_UPDATE" | "UNKNOWN"

---@alias h2.SettingName
---| "HEADER_TABLE_SIZE" | "ENABLE_PUSH" | "MAX_CONCURRENT_STREAMS" | "INITIAL_WINDOW_SIZE" | "MAX_FRAME_SIZE"
---| "MAX_HEADER_LIST_SIZE" | "ENABLE_CONNECT_PROTOCOL" | "NO_RFC7540_PRIORITIES"

---@alias h2.Mode "alpn" | "upgrade" | "prior"
---@alias h2.Start "open" | "preface" | "secure" | "tcp"
---@alias h2.Role "client" | "server"
---@alias h2.By "ours" | "theirs"
---@alias h2.Need "large" | "content" | "post" | "echo" | "fields" | "h1" | "upgrade" | "push"

---@class h2.Field
---@field [1] string? name
---@field [2] string? value
---@field kind "indexed" | "incremental" | "without" | "never" | "size_update" | "octets" | nil
---@field index integer? of the field, or of its name
---@field huffman boolean | { name: boolean, value: boolean } | nil
---@field sensitive boolean? never indexed
---@field size integer? of a size update
---@field offset integer? octet of the field block
---@field length integer? octets that it takes in the field block

---@alias h2.Fields h2.Field[]

---@class h2.Frame what goes out and what comes in (docs/engine.md)
---@field name h2.FrameName?
---@field type integer?
---@field flags integer?
---@field length integer?
---@field stream integer?
---@field reserved boolean?
---@field payload string?
---@field end_stream boolean?
---@field end_headers boolean?
---@field ack boolean?
---@field padded boolean?
---@field priority boolean?
---@field pad_length integer?
---@field data string?
---@field exclusive boolean?
---@field dependency integer?
---@field weight integer? as on the wire: 0 to 255
---@field fragment string?
---@field fields h2.Fields?
---@field error h2.ErrorCode | string | integer | nil
---@field error_code integer?
---@field settings table?
---@field last_stream integer?
---@field debug string?
---@field increment integer?
---@field promised_stream integer?
---@field origin string?
---@field value string?
---@field origins string[]?
---@field prioritized_stream integer?
---@field faults table<string, true>?

---@class h2.Event: h2.Frame a frame that came
---@field event string
---@field seq integer
---@field time number
---@field block string? the whole field block, on the frame that completed it
---@field block_stream integer?
---@field block_type "HEADERS" | "PUSH_PROMISE" | nil
---@field block_end_stream boolean?
---@field field_error { status: string, offset: integer, rule: string, message: string } | nil

---@class h2.Response
---@field stream integer
---@field status integer?
---@field fields h2.Fields?
---@field body string at most 1 MiB of it
---@field size integer octets of content
---@field trailers h2.Fields?
---@field interim { status: integer, fields: h2.Fields }[]
---@field reset h2.ErrorCode | nil
---@field ended boolean

---@class h2.Request a request that a client sent
---@field stream integer
---@field method string?
---@field path string?
---@field authority string?
---@field scheme string?
---@field fields h2.Fields
---@field body string
---@field trailers h2.Fields?
---@field ended boolean
---@field reset h2.ErrorCode | nil

---@class h2.Head an HTTP/1.1 head; called as conn:response(stream), it waits for a response
---@field status integer?
---@field reason string?
---@field method string?
---@field target string?
---@field version string?
---@field fields h2.Fields?
---@field raw string?
---@field interim integer[]? after upgrade: statuses that came before
---@field body string? after h1_request and recv_body
---@overload fun(self: h2.Connection, stream: integer, seconds: number?): h2.Response?, string?, string?

---@class h2.Tls
---@field version string?
---@field cipher string?
---@field group string?
---@field alpn string?
---@field resumed boolean?
---@field sni string?
---@field verify_error string?
---@field subject string?
---@field covers boolean? whether the certificate is for verify_name
---@field client_hello table?
---@field alert string? the fatal alert that came
---@field alert_number integer?
---@field alert_sent string?
---@field selected string? the name in the server's answer to ALPN, also where our TLS refused it
---@field answers { message: string, octets: string, names: string[]?, misplaced: boolean }[]
---@field compression integer?
---@field early_data "accepted" | "rejected" | nil
---@field renegotiations integer
---@field renegotiated integer
---@field key_updates integer
---@field certificate_requests integer

---@class h2.Target
---@field scheme string
---@field host string
---@field port integer
---@field authority string
---@field path string
---@field paths { large: string?, content: string?, post: string?, echo: string?, fields: string? }
---@field large_size integer?

---@class h2.Outcome
---@field expected string

---@class h2.Task
local Task = {}
---Waits for its end: its results. Raises what it raised.
---@param seconds number?
---@return any ...
function Task:join(seconds) end

---@class h2.RequestOptions
---@field method string?
---@field path string | false | nil
---@field authority string | false | nil
---@field scheme string | false | nil
---@field fields h2.Fields?
---@field body string?
---@field trailers h2.Fields?
---@field end_stream boolean?
---@field stream integer?

---@class h2.Connection
---@field mode h2.Mode
---@field role h2.Role
---@field target h2.Target
---@field tls h2.Tls?
---@field response h2.Head
---@field events h2.Event[] everything that came; `dropped` counts what was left out
local Connection = {}
---Sends frames (tables) and octets (strings), in one write with what is sent before the next wait.
---@param ... h2.Frame | string
function Connection:send(...) end
---@param octets string
function Connection:send_octets(octets) end
---Ends a write.
function Connection:flush() end
---The next frame, or the next that matches. nil, code, message: none came.
---@param filter h2.FrameName | table | nil
---@param seconds number?
---@return h2.Event?, string?, string?
function Connection:recv(filter, seconds) end
---Before HTTP/2: n octets, or what comes next.
---@param n integer?
---@param seconds number?
---@return string?, string?, string?
function Connection:recv_octets(n, seconds) end
---Before HTTP/2: an HTTP/1.1 head.
---@param seconds number?
---@return h2.Head?, string?, string?
function Connection:recv_head(seconds) end
function Connection:half_close() end
function Connection:close_notify() end
function Connection:reset() end
function Connection:close() end
---@return h2.Event[]
function Connection:transcript() end
---@param options table? alpn, sni, min_version, max_version, ciphers, verify, rewrite ... as in docs/engine.md; extensions, compression, fragment
---@return h2.Tls?, string? reason
function Connection:start_tls(options) end
---start_tls that has to come to h2; otherwise the case is skipped.
---@param options table?
---@return h2.Tls
function Connection:start_alpn(options) end
---@return userdata? session for start_tls { session = }
function Connection:session() end
---@return true?, string?, string?
function Connection:renegotiate() end
---@param request boolean?
---@return true?, string?, string?
function Connection:key_update(request) end
---@param options table?
---@return h2.Tls?, string? reason
function Connection:accept_tls(options) end
---@param options { settings: table|string|nil, method: string?, path: string?, fields: h2.Fields?, body: string?, chunked: boolean?, http2_settings: string|false|string[]|nil, connection: string|false|string[]|nil, upgrade: string|false|string[]|nil, version: string?, withhold_body: boolean?, followed_by: string?, start_h2: boolean?, authority: string|false|nil }?
---@return h2.Head
function Connection:upgrade(options) end
---An HTTP/1.1 request and its whole response.
---@param options { method: string?, path: string?, fields: h2.Fields?, body: string?, chunked: boolean?, connection: string|false|string[]|nil, version: string?, authority: string|false|nil, followed_by: string? }?
---@return h2.Head?, string?, string?
function Connection:h1_request(options) end
---Before HTTP/2: the content of conn.response.
---@return string?, string?, string?
function Connection:recv_body() end
---@return true?, string?, string?
function Connection:request_certificate() end
---@param options { status: integer?, fields: h2.Fields?, before: string? }?
---@return h2.Head?, string?, string?
function Connection:accept_upgrade(options) end
---The end of the client under test.
---@return { status: integer, signal: string?, output: string, success: boolean, text: string }?, string?, string?
function Connection:client_exit() end
---The client has to take what it got.
---@param respond fun(conn: h2.Connection, stream: integer)?
function Connection:expect_success(respond) end
---The client must not go on: error codes, or one table of them with options.
---@param code h2.ErrorCode | table
---@param ... h2.ErrorCode
function Connection:expect_refusal(code, ...) end
---@param predicate fun(): any
function Connection:give_time(predicate) end
---@return string?
function Connection:end_text() end
function Connection:start_h2() end
---@param settings table?
function Connection:send_settings(settings) end
---@param settings table?
function Connection:send_preface(settings) end
---@return true?, string?, string?
function Connection:expect_preface() end
---@param settings table?
---@return true?, string?, string?
function Connection:handshake(settings) end
---One PING round trip: its seconds.
---@param seconds number?
---@return number?, string?, string?
function Connection:ping(seconds) end
---Two PING round trips.
---@param seconds number?
---@return true?, string?, string?
function Connection:barrier(seconds) end
---SETTINGS and its ACK.
---@param settings table
---@param seconds number?
---@return true?, string?, string?
function Connection:settings(settings, seconds) end
---The next free stream identifier, reserved.
---@return integer
function Connection:new_stream() end
---@param options h2.RequestOptions?
---@return integer stream
function Connection:request(options) end
---@param path string?
---@return h2.Response?, string?, string?
function Connection:get(path) end
---@param options { complete: boolean? }?
---@return h2.Request?, string?, string?
function Connection:expect_request(options) end
---@param options { stream: integer, status: integer?, fields: h2.Fields?, body: string?, trailers: h2.Fields?, end_stream: boolean? }
---@return boolean, string?
function Connection:respond(options) end
---@param filter h2.FrameName | table | nil
---@return integer
function Connection:count(filter) end
---@param filter h2.FrameName | table | nil
---@return h2.Event?
function Connection:last(filter) end
---@param stream integer
---@return integer
function Connection:data_octets(stream) end
---@return { how: string, alert: integer?, alert_name: string?, text: string? } | nil
function Connection:ended() end
---@return boolean
function Connection:ended_by_reset() end
---@param stream integer
---@return string
function Connection:state(stream) end
---@param by h2.By
---@param stream integer 0: the connection
---@return integer octets
function Connection:window(by, stream) end
---@param by h2.By
---@param name h2.SettingName | integer
---@return integer
function Connection:setting(by, name) end
---@param by h2.By
---@return integer
function Connection:unacknowledged(by) end
---@param by h2.By
---@return table
function Connection:table(by) end
---@param list h2.Fields
---@return string block
function Connection:encode(list) end
---@param options { settings: boolean?, ping: boolean?, window: boolean? }
---@return { settings: boolean, ping: boolean, window: boolean } former
function Connection:auto(options) end
---Waits for evidence; ends the case unless the outcome is allowed.
---@param outcome h2.Outcome
function Connection:expect(outcome) end

-- Declarations ------------------------------------------------------------------------------------------------------

---@param declaration { [1]: string, title: string?, rfc: integer?, section: string?, role: h2.Role?, modes: h2.Mode[]?, start: h2.Start?, needs: h2.Need[]?, settings: table?, auto: table?, timeout: number? }
function suite(declaration) end
---@param declaration { id: string, title: string, req: string|string[], run: fun(conn: h2.Connection, row: any), each: any[]?, h2spec: string|string[]|nil, start: h2.Start?, modes: h2.Mode[]?, role: h2.Role?, settings: table?, auto: table?, needs: h2.Need[]?, timeout: number?, violate: string|string[]|nil, alone: boolean?, early: boolean? }
function case(declaration) end

---@type string
title = nil
---@type string | string[]
req = nil
---@type string | string[]
h2spec = nil
---@type h2.Start
start = nil
---@type h2.Role
role = nil
---@type h2.Mode[]
modes = nil
---@type number
timeout = nil
---@type table
settings = nil
---@type { settings: boolean?, ping: boolean?, window: boolean? }
auto = nil
---@type h2.Need[]
needs = nil

---@type h2.Connection
conn = nil
---@type h2.Target
target = nil

-- Frames and octets -------------------------------------------------------------------------------------------------

---@param frame h2.Frame | table | string
---@return h2.Frame
function DATA(frame) end
---@param frame h2.Frame | table | string
---@return h2.Frame
function HEADERS(frame) end
---@param frame h2.Frame | table
---@return h2.Frame
function PRIORITY(frame) end
---@param frame h2.Frame | table | string
---@return h2.Frame
function RST_STREAM(frame) end
---@param frame h2.Frame | table
---@return h2.Frame
function SETTINGS(frame) end
---@param frame h2.Frame | table
---@return h2.Frame
function PUSH_PROMISE(frame) end
---@param frame h2.Frame | table | string | nil
---@return h2.Frame
function PING(frame) end
---@param frame h2.Frame | table
---@return h2.Frame
function GOAWAY(frame) end
---@param frame h2.Frame | table | integer
---@return h2.Frame
function WINDOW_UPDATE(frame) end
---@param frame h2.Frame | table
---@return h2.Frame
function CONTINUATION(frame) end
---@param frame h2.Frame | table
---@return h2.Frame
function ALTSVC(frame) end
---@param frame h2.Frame | table
---@return h2.Frame
function ORIGIN(frame) end
---@param frame h2.Frame | table
---@return h2.Frame
function PRIORITY_UPDATE(frame) end
---@param frame h2.Frame | table
---@return h2.Frame
function FRAME(frame) end

---The 24 octets of the client connection preface.
---@type string
PREFACE = nil
---n zero octets, or the pattern repeated and cut to n.
---@param n integer
---@param pattern string?
---@return string
function octets(n, pattern) end
---@param digits string
---@return string
function hex(digits) end
---@param octets string
---@return string
function base64url(octets) end

-- Field lists ---------------------------------------------------------------------------------------------------------

---@param path string?
---@return h2.Fields
function get(path) end
---@param path string?
---@return h2.Fields
function head(path) end
---@param path string?
---@return h2.Fields
function post(path) end
---@param options h2.RequestOptions
---@return h2.Fields
function request(options) end
---@param list h2.Fields
---@param ... h2.Field
---@return h2.Fields
function with(list, ...) end
---@param list h2.Fields
---@param name string
---@return h2.Fields
function without(list, name) end
---@param list h2.Fields
---@param name string
---@param value string
---@return h2.Fields
function replace(list, name, value) end
---The value of the first field with that name.
---@param list h2.Fields?
---@param name string
---@return string?
function field(list, name) end
---The same fields as literals without indexing.
---@param list h2.Fields
---@return h2.Fields
function unindexed(list) end
---@param index integer
---@return h2.Field
function indexed(index) end
---@param field h2.Field
---@return h2.Field
function literal(field) end
---@param size integer
---@return h2.Field
function size_update(size) end
---@param octets string
---@return h2.Field
function raw(octets) end

-- Outcomes ------------------------------------------------------------------------------------------------------------

---@alias h2.Codes { [integer]: h2.ErrorCode, also: h2.ErrorCode[]?, soft: h2.ErrorCode[]?, about: string?, goaway: "optional"|nil }

---@param ... h2.ErrorCode | h2.Codes
---@return h2.Outcome
function connection_error(...) end
---@param stream integer
---@param ... h2.ErrorCode | h2.Codes
---@return h2.Outcome
function stream_error(stream, ...) end
---@param stream integer
---@param options { late: boolean?, depends: boolean? }?
---@return h2.Outcome
function malformed(stream, options) end
---@param options { no_response: integer? }?
---@return h2.Outcome
function ignored(options) end
---@return h2.Outcome
function no_error() end
---@return h2.Outcome
function invalid_preface() end
---@return h2.Outcome
function no_http2() end
---@return h2.Outcome
function speaks_http2() end
---@param stream integer
---@param status integer | string | (integer | string)[] | nil
---@return h2.Outcome
function response(stream, status) end
---@return h2.Outcome
function closed() end
---@return h2.Outcome
function no_upgrade() end
---@param ... string
---@return h2.Outcome
function tls_alert(...) end
---@param ... string | string[]
---@return h2.Outcome
function selects(...) end
---@return h2.Outcome
function no_alpn() end
---@param list h2.Outcome[]
---@return h2.Outcome
function any_of(list) end
---@param outcome h2.Outcome
---@param why string
---@return h2.Outcome
function soft(outcome, why) end

-- Verdicts ------------------------------------------------------------------------------------------------------------

---Fails the case if the condition does not hold.
---@generic T
---@param condition T
---@param expected string?
---@param observed string?
---@return T
function check(condition, expected, observed) end
---@param observed string
function fail(observed) end
---@param text string
function warn(text) end
---@param text string
function note(text) end
---@param reason string
function skip(reason) end
---@param reason string
function inconclusive(reason) end
---Waits until frames from the peer make it true: its value.
---@generic T
---@param condition fun(): T
---@param what string
---@return T
function eventually(condition, what) end

-- Connections and tasks -----------------------------------------------------------------------------------------------

---@param options { mode: h2.Mode?, start: h2.Start?, settings: table?, auto: table?, may_fail: boolean? }?
---@return h2.Connection?, string?, string?
function connect(options) end
---@param fn function
---@param ... any
---@return h2.Task
function spawn(fn, ...) end
