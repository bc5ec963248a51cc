-- The watchman on the life of streams: RST_STREAM and GOAWAY (RFC 9113 sections 5.4, 6.8, 8.7).
local streams = {}

local GRACEFUL <const> = 0x7fffffff

-- Is a request that was answered so known to have reached the application? Other answers may be the protocol's own.
local function by_application(status)
  return status ~= nil and status >= 200 and status < 400
end

-- TLS that section 9.2.2 has nothing against: version 1.3, or an ephemeral key exchange and authenticated encryption.
local function good_tls(conn)
  local tls = conn.tls
  local cipher = tls and tls.cipher or ""
  return tls ~= nil and (tls.version == "1.3" or tls.version == "TLSv1.3"
    or cipher:find "DHE%-" ~= nil and (cipher:find "GCM" or cipher:find "CHACHA20") ~= nil)
end

local function inadequate(watch, conn, event)
  if event.error == "INADEQUATE_SECURITY" and good_tls(conn) then
    watch:report(conn, event, "RFC9113-9.2.2-3", ("%s(INADEQUATE_SECURITY) although %s is not prohibited"):format(
      event.name, conn.tls.cipher))
  end
end

--- Looks at RST_STREAM.
function streams.reset(watch, conn, event)
  local out, id = conn._.out, event.stream
  local stream = conn._.streams[id]
  if not event.error or event.faults and event.faults["idle-stream"] then
    return
  end
  local sent = out.touched[id] or 0
  local before = watch.reset_at[id] or { sent = sent, count = 0 }
  watch.reset_at[id], before.count = before, before.count + 1
  if before.count > 1 + sent - before.sent then
    watch:report(conn, event, "RFC9113-5.4.2-4", ("RST_STREAM number %d on stream %d, on which %d frames were sent since the "
      .. "first"):format(before.count, id, sent - before.sent))
  end
  if event.error == "REFUSED_STREAM" and conn.role == "client" and stream and stream.response
      and by_application(stream.response.status) then
    watch:report(conn, event, "RFC9113-8.7-1", ("RST_STREAM(REFUSED_STREAM) on stream %d after its response %d"):format(id,
      stream.response.status))
  end
  inadequate(watch, conn, event)
end

-- The stream identifiers in GOAWAY are those of the tester's own streams.
local function check_last_stream(watch, conn, event)
  local out, last = conn._.out, event.last_stream
  if last ~= GRACEFUL and last > out.highest and not out.broken then
    watch:report(conn, event, "RFC9113-6.8-5", ("GOAWAY: Last-Stream-ID is %d, the highest stream so far %d"):format(last,
      out.highest), true)
  end
  if last < watch.answered then
    watch:report(conn, event, "RFC9113-8.7-2", ("GOAWAY: Last-Stream-ID is %d, but stream %d was answered"):format(last,
      watch.answered))
  end
  watch.last_stream = math.min(last, watch.last_stream or last)
end

--- Looks at GOAWAY.
function streams.goaway(watch, conn, event)
  local out = conn._.out
  if not event.error or event.stream ~= 0 then
    return
  end
  if event.error ~= "NO_ERROR" then
    if watch.goaway_at == out.frames then
      watch:report(conn, event, "RFC9113-5.4-1", ("a second GOAWAY(%s) for the same frames"):format(event.error))
    end
    watch.goaway_at = out.frames
  end
  if conn.role == "client" then
    check_last_stream(watch, conn, event)
  end
  inadequate(watch, conn, event)
end

--- Looks at a response's frames: those of streams that GOAWAY gave up (8.7), and which requests were answered.
function streams.response(watch, conn, event, id)
  local stream = id % 2 == 1 and conn._.streams[id]
  local status = stream and stream.response and stream.response.status
  if not status or not by_application(status) then
    return
  end
  if watch.last_stream and id > watch.last_stream then
    watch:report(conn, event, "RFC9113-8.7-2", ("%s on stream %d, but GOAWAY named stream %d as the last"):format(
      event.name, id, watch.last_stream))
  elseif id > watch.answered then
    watch.answered = id
  end
end

return streams
