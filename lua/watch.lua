-- The watchman: what a peer sends in breach of a rule, with the requirement's id (DESIGN section 5).
--
-- Facts about frames are the engine's (src/h2/tables.h); here is which of them are violations of the sender, and which
-- the tester itself may have brought about.
local fields = require "h2probe.fields"

local watch = {}

-- fault = requirement, or a table by the frame's type (0: any other type). What is not here is no violation, or one
-- that may be of the tester's making: reset-stream-received (frames in flight), skipped-stream and idle-stream of a
-- stream that a script used in odd ways, oversized and block-size (the tester's own limits), self-dependency (5.3.1 of
-- RFC 7540, gone), settings-ack-unasked and ping-ack-unasked (soft: scripts send odd SETTINGS and PING frames).
local RULES = {
  ["length"] = {
    PRIORITY = "RFC9113-4.2-14", RST_STREAM = "RFC9113-4.2-14", PING = "RFC9113-6.7-1", WINDOW_UPDATE = "RFC9113-4.2-14",
    SETTINGS = "RFC9113-4.2-14", GOAWAY = "RFC9113-4.2-14",
  },
  ["ack-payload"] = "RFC9113-6.5-5",
  ["padding-octets"] = { DATA = "RFC9113-6.1-1", HEADERS = "RFC9113-6.2-1", PUSH_PROMISE = "RFC9113-6.6-2" },
  ["stream-zero"] = {
    DATA = "RFC9113-6.1-11", HEADERS = "RFC9113-6.2-21", RST_STREAM = "RFC9113-6.4-8", CONTINUATION = "RFC9113-6.10-9",
  },
  ["stream-nonzero"] = {
    SETTINGS = "RFC9113-6.5-7", PING = "RFC9113-6.7-7", GOAWAY = "RFC9113-6.7-7", ORIGIN = "RFC8336-2.2-1",
    PRIORITY_UPDATE = "RFC9218-7.1-1",
  },
  ["reserved-bit"] = "RFC9113-4.1-5",
  ["undefined-flags"] = "RFC9113-4.1-4",
  ["increment-zero"] = "RFC9113-6.9-8",
  ["first-frame"] = { by_role = { client = "RFC9113-3.4-4", server = "RFC9113-3.4-2" } },
  ["frame-size"] = "RFC9113-4.1-1",
  ["block-interrupted"] = { PRIORITY = "RFC9113-6.3-4", [0] = "RFC9113-4.3-2" },
  ["block-missing"] = "RFC9113-6.10-9",
  ["idle-stream"] = { RST_STREAM = "RFC9113-6.4-4" },
  ["half-closed-stream"] = {
    DATA = "RFC9113-6.1-4", HEADERS = "RFC9113-5.1-17", PUSH_PROMISE = "RFC9113-6.6-6",
  },
  ["closed-stream"] = { DATA = "RFC9113-5.1-26", HEADERS = "RFC9113-5.1-26" },
  ["reserved-stream"] = { by_role = { client = "RFC9113-5.1-11", server = "RFC9113-5.1-14" } },
  ["reset-stream-sent"] = { DATA = "RFC9113-5.4.2-2", HEADERS = "RFC9113-5.4.2-2", CONTINUATION = "RFC9113-5.4.2-2" },
  ["stream-parity"] = { by_role = { server = "RFC9113-5.1.1-1" } },
  ["concurrency"] = { by_role = { client = "RFC9113-5.1.2-2", server = "RFC9113-5.1.2-1" } },
  ["window-stream"] = "RFC9113-6.9.1-1",
  ["window-connection"] = "RFC9113-6.9.1-2",
  ["goaway-rising"] = "RFC9113-6.8-6",
  ["push-from-client"] = "RFC9113-8.4-8",
  ["push-disabled"] = "RFC9113-6.5.2-1",
  ["push-stream"] = "RFC9113-6.6-1",
  ["trailers-without-end-stream"] = "RFC9113-8.1-2",
  ["update-missing"] = "RFC9113-4.3.1-3",
}

-- Deviations with a defence: they are warnings, whatever the level of the requirement.
local SOFT = { ["update-missing-empty"] = "RFC9113-4.3.1-3" }

watch.RULES = RULES

-- Decoding errors by their status (docs/engine.md); the rest is RFC7541-3.2-5. The bounds of our decoder accuse nobody.
local DECODING_RULES = {
  ["update-large"] = "RFC7541-6.3-3",
  ["limit"] = false, ["memory"] = false, ["stopped"] = false,
}

-- Rules about single settings (`setting-value` says only that one is wrong).
local SETTING_RULES = {
  MAX_FRAME_SIZE = { "RFC9113-6.5.2-11", 16384, 16777215 },
  ENABLE_CONNECT_PROTOCOL = { "RFC8441-3-1", 0, 1 },
  NO_RFC7540_PRIORITIES = { "RFC9218-2.1-1", 0, 1 },
}

local Watch = {}
Watch.__index = Watch

--- A watchman for one connection. Findings { requirement =, text =, conn =, event =, soft = } are appended to the list.
function watch.new(findings)
  return setmetatable({ list = findings or {}, seen = {} }, Watch)
end

--- The findings so far.
function Watch:findings()
  return self.list
end

local function report(self, conn, event, requirement, text, soft)
  local key = requirement and requirement .. (soft and " soft" or "")
  if key and not self.seen[key] then
    self.seen[key] = true
    self.list[#self.list + 1] = { requirement = requirement, text = text, conn = conn, event = event, soft = soft }
  end
end

local function name_of(event)
  local name = event.name == "UNKNOWN" and ("frame of type 0x%02x"):format(event.type) or event.name
  return ("%s on stream %d"):format(name, event.stream)
end

local function requirement_of(rule, role, name)
  if type(rule) == "string" then
    return rule
  elseif rule.by_role then
    return rule.by_role[role]
  end
  return rule[name] or rule[0]
end

local function sorted_faults(faults)
  local list = {}
  for slug in pairs(faults) do
    list[#list + 1] = slug
  end
  table.sort(list)
  return list
end

-- Flags of unknown types are anyone's; a GOAWAY may answer a broken preface before all else (RFC 9113 section 3.4).
local function excused(event, slug)
  return slug == "undefined-flags" and event.name == "UNKNOWN" or slug == "first-frame" and event.name == "GOAWAY"
end

-- A frame that is wrong in one way is often wrong in others that follow from it: an interrupted block above all.
local function check_faults(self, conn, event)
  for _, slug in ipairs(sorted_faults(event.faults)) do
    local rule = RULES[slug] or SOFT[slug]
    if rule and not excused(event, slug) then
      report(self, conn, event, requirement_of(rule, conn.role, event.name), ("%s: %s"):format(name_of(event),
        watch.texts[slug] or slug), SOFT[slug] ~= nil)
    end
  end
end

-- What each slug says; from the engine when it is there.
watch.texts = setmetatable({}, { __index = function(_, slug)
  return require("h2probe.engine").faults[slug]
end })

local function check_settings(self, conn, event)
  for _, setting in ipairs(event.settings or {}) do
    local rule = SETTING_RULES[setting.name]
    local text = ("SETTINGS: %s has the value %d"):format(setting.name or ("0x%x"):format(setting.id), setting.value)
    if rule and (setting.value < rule[2] or setting.value > rule[3]) then
      report(self, conn, event, rule[1], text)
    elseif setting.name == "ENABLE_PUSH" and setting.value ~= 0 and conn.role == "client" then
      report(self, conn, event, "RFC9113-6.5.2-5", text)
    end
  end
end

local function check_block(self, conn, event)
  local problem = event.field_error
  local rule = DECODING_RULES[problem.status]
  if rule ~= false then
    report(self, conn, event, rule or "RFC7541-3.2-5", ("%s: at octet %d of the field block: %s"):format(name_of(event),
      problem.offset, problem.message))
  end
end

local function report_all(self, conn, event, faults)
  for _, fault in ipairs(faults) do
    report(self, conn, event, fault.by, ("%s: %s"):format(name_of(event), fault.text))
  end
end

-- A field block on a stream that the tester opened; the first final one is the response, later ones are trailers.
local function check_response(self, conn, event)
  local stream = conn._.streams[event.block_stream]
  if not stream or event.block_type ~= "HEADERS" then
    return
  elseif stream.trailers == event.fields then
    report_all(self, conn, event, fields.validate_trailers(event.fields))
  elseif not stream.trailers then
    report_all(self, conn, event, fields.validate_response(event.fields, { end_stream = event.block_end_stream }))
  end
end

local function check_request(self, conn, event)
  local stream = conn._.streams[event.block_stream]
  if not stream or event.block_type ~= "HEADERS" or not stream.request then
    return
  elseif stream.request.fields == event.fields then
    report_all(self, conn, event, fields.validate_request(event.fields, { protocol = true }))
  elseif stream.trailers == event.fields then
    report_all(self, conn, event, fields.validate_trailers(event.fields))
  end
end

--- Looks at one received event, after it was recorded in the connection.
function Watch:event(conn, event)
  if event.event ~= "frame" then
    return
  end
  if event.faults then
    check_faults(self, conn, event)
  end
  if event.name == "SETTINGS" and not event.ack then
    check_settings(self, conn, event)
  end
  if event.field_error then
    check_block(self, conn, event)
  elseif event.fields then
    local check = conn.role == "client" and check_response or check_request
    check(self, conn, event)
  end
end

return watch
