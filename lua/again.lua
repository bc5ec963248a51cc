-- The command that runs a case again.
local again = {}

--- A word as the shell takes it.
function again.quoted(word)
  if word:find "^[%w@%%+=:,./_-]+$" or word:find "^[%w@%%+=:./_{}-]+$" then
    return word
  end
  return "'" .. word:gsub("'", "'\\''") .. "'"
end

local PASSED_ON = { "server_cmd", "cacert", "cert", "key", "sni", "authority", "path", "large_path" }

local function option_words(options)
  local words = {}
  local function add(...)
    for _, word in ipairs { ... } do
      words[#words + 1] = again.quoted(word)
    end
  end
  for _, name in ipairs(PASSED_ON) do
    if options[name] then
      add("--" .. name:gsub("_", "-"), options[name])
    end
  end
  if options.restart and options.restart:find "^per" then
    add("--restart", options.restart)
  end
  if options.insecure then
    add "--insecure"
  end
  for _, field in ipairs(options.headers or {}) do
    add("--header", field[1] .. ": " .. field[2])
  end
  if options.connect_to then
    local at = options.connect_to
    add("--connect-to", (at.host:find(":", 1, true) and "[%s]:%d" or "%s:%d"):format(at.host, at.port))
  end
  if options.timeout ~= 2 then
    add("--timeout", ("%g"):format(options.timeout))
  end
  return words
end

--- function(case, mode) -> one line of shell. `url`: nil for the embedded server; `files`: the paths that were named.
function again.of_server(url, files, options)
  local tail = table.concat(option_words(options), " ")
  return function(case, mode)
    local words = { "h2probe", case and case.probe and "probe" or "run" }
    words[#words + 1] = url and again.quoted(url) or nil
    if case and (case.probe or files[case.file]) then
      words[#words + 1] = again.quoted(case.file)
    end
    if case and not case.probe then
      words[#words + 1] = case.id
    end
    words[#words + 1] = "--mode " .. mode
    words[#words + 1] = tail ~= "" and tail or nil
    return table.concat(words, " ")
  end
end

return again
