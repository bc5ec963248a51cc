-- One look at the target before the run: modes on offer, round-trip time, resources, methods, two connections at once.
local engine = require "h2probe.engine"
local sentinel = require "h2probe.sentinel"

local preflight = {}

local LARGE = 65536
local LARGE_PATHS = { "/large", "/bytes/200000" }
local ECHO = "what is posted here comes back"
local MAX_REASON = 300

local function shortened(text)
  text = tostring(text or "no reason is known"):gsub("%s+", " ")
  return #text > MAX_REASON and text:sub(1, MAX_REASON) .. "..." or text
end

-- Runs functions side by side (or one by one) and waits for all; their results by key.
local function together(jobs, one_by_one)
  local results, tasks = {}, {}
  for key, job in pairs(jobs) do
    tasks[key] = engine.spawn(function() results[key] = job() end, { name = "preflight " .. key,
      on_done = function() end })
    if one_by_one then
      tasks[key]:join(3600)
    end
  end
  for _, task in pairs(tasks) do
    task:join(3600)
  end
  return results
end

local Look = {}
Look.__index = Look

--- An exchange on a fresh connection. `steps` returns what it found; nil if the exchange failed.
function Look:exchange(mode, steps, more)
  local found
  local options = { name = "pre-flight", mode = mode, target = self.targets[mode], timeout = self.timeout }
  for key, value in pairs(more or {}) do
    options[key] = value
  end
  local record = sentinel.exchange(options, function(conn) found = steps(conn) end)
  self.runs[#self.runs + 1] = record.run
  return record.verdict == "pass" and found or nil, record
end

-- Modes -----------------------------------------------------------------------------------------------

function Look:offer(mode)
  local answer, record = self:exchange(mode, function(conn)
    local answer = sentinel.get(conn)
    local sent = engine.now()
    conn:ping()
    answer.round_trip = engine.now() - sent
    return answer
  end)
  if answer then
    return { offered = true, answer = answer }
  end
  local way = record.run.way
  return { offered = false, reason = shortened(way and way.message or record.observed), code = record.way }
end

function Look:modes()
  local jobs = {}
  for _, mode in ipairs(self.asked) do
    jobs[mode] = function() return self:offer(mode) end
  end
  self.offers = together(jobs)
  for _, mode in ipairs(self.asked) do
    local offer = self.offers[mode]
    if offer.offered and not self.main then
      self.main = mode
    end
  end
  -- A server with one connection at a time answers only one of those that ran side by side.
  for _, mode in ipairs(self.asked) do
    if #self.asked > 1 and self.main and self.offers[mode].code == "timeout" then
      self.offers[mode] = self:offer(mode)
    end
  end
end

-- Is a second connection served while the first one stands?
function Look:two_at_once()
  local served = self:exchange(self.main, function(conn)
    sentinel.get(conn)
    return self:exchange(self.main, sentinel.get) ~= nil
  end, { timeout = 2 * self.timeout })
  return served == true
end

-- Resources -----------------------------------------------------------------------------------------------

local function is_ok(answer)
  return answer and answer.status and answer.status >= 200 and answer.status < 300
end

function Look:get(path)
  return self:exchange(self.main, function(conn) return conn:get(path) end)
end

function Look:post(path, body)
  return self:exchange(self.main, function(conn)
    return conn:response(conn:request { method = "POST", path = path, body = body })
  end)
end

-- Does this resource show the fields of the request, a line "name: value" for each?
function Look:fields(path)
  local answer = self:exchange(self.main, function(conn)
    return conn:response(conn:request { path = path, fields = { { "x-h2probe", "echo" } } })
  end)
  return is_ok(answer) and ("\n" .. answer.body):find("\nx-h2probe: echo", 1, true) ~= nil
end

local function http1_get(conn)
  local target = conn.target
  if target.scheme == "https" then
    local info = conn:start_tls { alpn = { "http/1.1" } }
    if not info then
      return false
    end
  end
  conn:send_octets(("GET %s HTTP/1.1\r\nHost: %s\r\nConnection: close\r\n\r\n"):format(target.path, target.authority))
  local head = conn:recv_head()
  return head and head.status and { status = head.status } or false
end

function Look:http1(mode)
  return self:exchange(mode, http1_get, { start = "tcp" })
end

function Look:push()
  return self:exchange(self.main, function(conn)
    conn:get(conn.target.path)
    for _, event in ipairs(conn.events) do
      if event.name == "PUSH_PROMISE" then
        return true
      end
    end
    return false
  end, { settings = { ENABLE_PUSH = 1 } })
end

function Look:large_paths()
  local target = self.targets[self.main]
  if target.large_path then
    return { target.large_path }
  end
  local paths = { table.unpack(LARGE_PATHS) }
  paths[#paths + 1] = target.path
  return paths
end

function Look:resource_jobs()
  local target = self.targets[self.main]
  local jobs = {
    post = function() return self:post(target.path, ECHO) end,
    echo = function() return self:post("/echo", ECHO) end,
    fields = function() return self:fields "/fields" end,
    push = function() return self:push() end,
  }
  for _, path in ipairs(self:large_paths()) do
    jobs["large " .. path] = function() return self:get(path) end
  end
  for _, scheme in ipairs { "http", "https" } do
    local mode = self.of_scheme[scheme]
    if mode then
      jobs["h1 " .. scheme] = function() return self:http1(mode) end
    end
  end
  return jobs
end

function Look:resources()
  local found = together(self:resource_jobs(), not self.parallel)
  local target = self.targets[self.main]
  local paths, size = {}, nil
  for _, path in ipairs(self:large_paths()) do
    local answer = found["large " .. path]
    if not paths.large and is_ok(answer) and #(answer.body or "") >= LARGE then
      paths.large, size = path, #answer.body
    end
  end
  local answer = self.offers[self.main].answer
  paths.content = #(answer.body or "") > 0 and target.path or paths.large
  paths.echo = is_ok(found.echo) and found.echo.body == ECHO and "/echo" or nil
  paths.fields = found.fields and "/fields" or nil
  paths.post = is_ok(found.post) and target.path or (is_ok(found.echo) and "/echo" or nil)
  self:publish(paths, size, found)
end

-- What scripts see of it: target.paths, target.large_size, and what `needs` asks for.
function Look:publish(paths, size, found)
  for _, target in pairs(self.targets) do
    target.paths, target.large_size, target.status = paths, size, self.offers[self.main].answer.status
    target.has = {
      large = paths.large ~= nil, content = paths.content ~= nil, post = paths.post ~= nil, echo = paths.echo ~= nil,
      fields = paths.fields ~= nil,
      push = found.push == true,
      h1 = found["h1 " .. target.scheme] ~= nil and found["h1 " .. target.scheme] ~= false,
      upgrade = self.offers.upgrade ~= nil and self.offers.upgrade.offered,
    }
  end
end

-- What to say when there is no HTTP/2 --------------------------------------------------------------------

local function place(target)
  if target.unix then
    return target.unix
  end
  local at = target.connect_to or target
  return ("%s:%d"):format(at.host, at.port)
end

local AWAY = { refused = true, unreachable = true, resolve = true }

function Look:why_not()
  local first = self.offers[self.asked[1]]
  if AWAY[first.code] then
    return "cannot reach the target: " .. first.reason
  end
  for _, mode in ipairs(self.asked) do
    local target = self.targets[mode]
    local code = self.offers[mode].code
    local answer = not AWAY[code] and code ~= "tls" and self:http1(mode)
    if answer then
      return ("%s answered in HTTP/1.1 (status %d): it does not offer HTTP/2 (%s)"):format(place(target),
        answer.status, self:reasons())
    end
  end
  local reasons = self:reasons()
  local hint = reasons:find("does not verify", 1, true) and "; use --cacert FILE or --insecure" or ""
  return ("%s: no HTTP/2: %s%s"):format(place(self.targets[self.asked[1]]), reasons, hint)
end

function Look:reasons()
  local list, seen = {}, {}
  for _, mode in ipairs(self.asked) do
    local reason = self.offers[mode].reason or "offered"
    if not seen[reason] then
      seen[reason] = true
      list[#list + 1] = ("%s: %s"):format(mode, reason)
    end
  end
  return table.concat(list, "; ")
end

--- Looks at the target; parks. Options: targets (by mode), modes (list), timeout.
-- Returns { offers, round_trip, parallel, runs }, or nil and one line that says what was tried and what came.
-- Sets paths, large_size and has in the targets.
function preflight.look(options)
  local self = setmetatable({ targets = options.targets, asked = options.modes, timeout = options.timeout, runs = {},
    of_scheme = {} }, Look)
  for _, mode in ipairs(options.modes) do
    local scheme = options.targets[mode].scheme
    self.of_scheme[scheme] = self.of_scheme[scheme] or mode
  end
  self:modes()
  if not self.main then
    return nil, self:why_not()
  end
  self.parallel = self:two_at_once()
  self:resources()
  return { offers = self.offers, main = self.main, round_trip = self.offers[self.main].answer.round_trip,
    parallel = self.parallel, runs = self.runs }
end

return preflight
