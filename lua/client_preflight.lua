-- Does the client work at all? One exchange with a sound server in each mode: what the sentinel is for servers.
local engine = require "h2probe.engine"
local sentinel = require "h2probe.sentinel"
local verdict = require "h2probe.verdict"

local client_preflight = {}

local TLS_HANDSHAKE <const> = 22
local MAX_REASON <const> = 300

local function unfit(reason)
  verdict.raise { verdict = "skip", observed = reason }
end

-- It fails by itself: what it says last tells why.
local function failed(conn, reason)
  local exit = conn:client_exit()
  unfit(exit and ("%s (%s)"):format(reason, exit.text) or reason)
end

local function names_h2c(head)
  for _, field in ipairs(head.fields) do
    if field[1]:lower() == "upgrade" and field[2]:lower():find("h2c", 1, true) then
      return true
    end
  end
  return false
end

-- How the client begins: "alpn", "prior", or "text" for HTTP/1.1.
local function beginning(conn)
  local octets, _, message = conn:_look(3)
  if not octets then
    unfit("the client sent nothing: " .. tostring(message))
  end
  return octets:byte() == TLS_HANDSHAKE and "alpn" or octets == "PRI" and "prior" or "text"
end

local negotiate = {}

function negotiate.alpn(conn)
  if beginning(conn) ~= "alpn" then
    unfit "the client does not speak TLS"
  end
  local info, message = conn:accept_tls { alpn = { "h2" } }
  if not info then
    failed(conn, "the TLS handshake failed: " .. message)
  elseif info.alpn ~= "h2" then
    unfit "the client does not offer h2 in ALPN"
  end
end

function negotiate.upgrade(conn)
  local begins = beginning(conn)
  if begins ~= "text" then
    unfit(begins == "prior" and "the client starts with prior knowledge" or "the client speaks TLS")
  end
  local head = conn:accept_upgrade()
  if not head or not names_h2c(head) then
    unfit "the client does not ask for the Upgrade to h2c"
  end
end

function negotiate.prior(conn)
  local begins = beginning(conn)
  if begins ~= "prior" then
    unfit(begins == "text" and "the client starts with HTTP/1.1" or "the client speaks TLS")
  end
end

local function exchange(conn)
  negotiate[conn.mode](conn)
  local ok, _, message = conn:handshake()
  if not ok then
    failed(conn, "HTTP/2 did not start: " .. tostring(message))
  end
  conn:expect_success()
end

local function shortened(text)
  text = tostring(text or "no reason is known"):gsub("%s+", " ")
  return #text > MAX_REASON and text:sub(1, MAX_REASON) .. "..." or text
end

local function reason_of(record)
  local way = record.run.way
  return shortened(way and way.message or record.observed or record.verdict)
end

local function offer(options, mode)
  local record = sentinel.exchange({ name = "pre-flight", mode = mode, target = options.targets[mode],
    timeout = options.timeout, start = "tcp", role = "server" }, exchange)
  if record.verdict == "pass" then
    return { offered = true }, record
  end
  return { offered = false, reason = reason_of(record) }, record
end

local function reasons(options, offers)
  local list = {}
  for _, mode in ipairs(options.modes) do
    list[#list + 1] = ("%s: %s"):format(mode, offers[mode].reason)
  end
  return table.concat(list, "; ")
end

--- Looks at the client; parks. Options: targets (by mode), modes (list), timeout. { offers, parallel, runs }, or nil and
-- one line.
function client_preflight.look(options)
  local offers, tasks, runs = {}, {}, {}
  for i, mode in ipairs(options.modes) do
    tasks[i] = engine.spawn(function()
      local record
      offers[mode], record = offer(options, mode)
      runs[#runs + 1] = record.run
    end, { name = "preflight " .. mode, on_done = function() end })
  end
  for _, task in ipairs(tasks) do
    local ok, message, traceback = task:join(3600)
    if not ok then
      error(tostring(message) .. "\n" .. tostring(traceback), 0)
    end
  end
  for _, mode in ipairs(options.modes) do
    if offers[mode].offered then
      return { offers = offers, parallel = true, runs = runs }
    end
  end
  return nil, "the client does not get through to a sound server: " .. reasons(options, offers)
end

return client_preflight
