-- What the reference server serves: a request { method, path, fields, body } to a response.
local resources = {}

local function text(status, body, more)
  local fields = { { "content-type", "text/plain" }, { "content-length", tostring(#body) } }
  for _, field in ipairs(more or {}) do fields[#fields + 1] = field end
  return { status = status, fields = fields, body = body }
end

local function lines(fields)
  local out = {}
  for _, field in ipairs(fields) do
    if field.kind ~= "size_update" then out[#out + 1] = field[1] .. ": " .. field[2] .. "\n" end
  end
  return table.concat(out)
end

local pages = {
  ["/"] = function() return text(200, "h2probe reference server\n") end,
  ["/large"] = function() return text(200, ("0123456789abcde\n"):rep(200000 // 16)) end,
  ["/echo"] = function(request) return text(200, request.body) end,
  ["/fields"] = function(request) return text(200, lines(request.fields)) end,
  ["/pushed"] = function() return text(200, "pushed\n") end,
  ["/empty"] = function() return { status = 204, fields = {} } end,
  ["/trailers"] = function()
    local response = text(200, "with trailers\n", { { "trailer", "x-checksum" } })
    response.trailers = { { "x-checksum", "none" } }
    return response
  end,
  ["/interim"] = function()
    local response = text(200, "after 103\n")
    response.interim = { 103 }
    return response
  end,
}

local LARGEST <const> = 16 * 1024 * 1024

local function page(path)
  local size = tonumber(path:match "^/bytes/(%d+)$")
  if size and size <= LARGEST then
    return function() return text(200, ("x"):rep(size)) end
  end
  return pages[path]
end

local methods = {
  GET = function(request, handler) return handler(request) end,
  HEAD = function(request, handler) return handler(request) end,
  POST = function(request, handler)
    if request.path == "/echo" then return handler(request) end
    return text(200, ("received %d octets\n"):format(#request.body))
  end,
}

--- What a guilty peer makes of a request that it should have refused: an ordinary one.
function resources.ordinary(request)
  if not methods[request.method] then request.method = "GET" end
  if not page(request.path:match "^[^?]*") then request.path = "/" end
  return request
end

--- Find the answer to a complete and valid request (RFC 9110 sections 9 and 15).
function resources.answer(request)
  local path = request.path and request.path:match "^[^?]*"
  if request.method == "OPTIONS" then
    return { status = 204, fields = { { "allow", "GET, HEAD, POST, OPTIONS" } } }
  end
  local method = methods[request.method]
  if not method then return text(501, "no such method here\n") end
  local handler = page(path or "")
  if not handler then return text(404, "no such page\n") end
  return method(request, handler)
end

return resources
