-- Text for a screen: what may be shown, how wide it is, wrapping, colours.
local text = {}

-- Code points that are shown as they are where the screen knows UTF-8, and their width. Anything else that is not
-- printable ASCII becomes \xNN: controls, what is invisible, combines, or changes the direction of writing.
local SHOWN <const> = {
  { 0xa1, 0xac, 1 }, { 0xae, 0x24f, 1 }, { 0x370, 0x482, 1 }, { 0x48a, 0x52f, 1 }, { 0x2010, 0x2027, 1 },
  { 0x2030, 0x205e, 1 }, { 0x20a0, 0x20c0, 1 }, { 0x2190, 0x22ff, 1 }, { 0x2713, 0x2717, 1 }, { 0x3041, 0x3096, 2 },
  { 0x309b, 0x30ff, 2 }, { 0x3400, 0x4dbf, 2 }, { 0x4e00, 0x9fff, 2 }, { 0xac00, 0xd7a3, 2 }, { 0xff01, 0xff60, 2 },
}

local function width_of(code)
  for _, range in ipairs(SHOWN) do
    if code >= range[1] and code <= range[2] then
      return range[3]
    end
  end
end

local function octet(c)
  return ("\\x%02x"):format(c:byte())
end

-- A run of octets above 127.
local function beyond_ascii(run)
  local out, at = {}, 1
  while at <= #run do
    local code = utf8.len(run, at, at) and utf8.codepoint(run, at)
    if code and width_of(code) then
      out[#out + 1] = utf8.char(code)
      at = at + #out[#out]
    else
      out[#out + 1] = octet(run:sub(at, at))
      at = at + 1
    end
  end
  return table.concat(out)
end

--- Any octets as one printable line; with `unicode` letters of UTF-8 stay.
function text.printable(value, unicode)
  local shown = tostring(value)
  if not shown:find "[^ -~]" then
    return shown
  end
  shown = shown:gsub("[\0-\31\127]", octet)
  return (shown:gsub("[\128-\255]+", unicode and beyond_ascii or function(run) return (run:gsub(".", octet)) end))
end

--- Columns that printable text takes.
function text.width(line)
  if not line:find "[\128-\255]" then
    return #line
  end
  local columns = 0
  for _, code in utf8.codes(line) do
    columns = columns + (width_of(code) or 1)
  end
  return columns
end

-- Octets of the longest beginning of a word that fits, at least one character.
local function fitting(word, columns)
  if not word:find "[\128-\255]" then
    return columns
  end
  local used = 0
  for at, code in utf8.codes(word) do
    used = used + (width_of(code) or 1)
    if used > columns then
      return at > 1 and at - 1 or utf8.offset(word, 2) - 1
    end
  end
  return #word
end

--- Beginning and rest of printable text; \xNN stays whole.
function text.cut(word, columns)
  local size = fitting(word, columns)
  local head = word:sub(1, size)
  local broken = size < #word and head:match "\\x?%x?$"
  if broken and #broken < #head and word:find("^\\x%x%x", size - #broken + 1) then
    size = size - #broken
  end
  return word:sub(1, size), word:sub(size + 1)
end

--- Printable text to a list of lines of at most so many columns, broken at blanks where there are some.
function text.wrap(line, columns)
  if #line <= columns and line:find "^[^ ]" and line:find "[^ ]$" then -- as most do
    return { line }
  end
  local lines, parts, used = {}, {}, 0
  local function flush()
    lines[#lines + 1] = table.concat(parts)
    parts, used = {}, 0
  end
  for blanks, word in line:gmatch "( *)([^ ]+)" do
    local size = text.width(word)
    if used > 0 and used + #blanks + size > columns then
      flush()
    end
    while size > columns do
      parts[1], word = text.cut(word, columns)
      size = size - text.width(parts[1])
      flush()
    end
    parts[#parts + 1] = used > 0 and blanks .. word or word
    used = used + size + (used > 0 and #blanks or 0)
  end
  if used > 0 or #lines == 0 then
    flush()
  end
  return lines
end

-- Words of a command: what is in quotes stays together, an option and its value as well.
local function words_of(command)
  local words, quoted = {}, false
  for blanks, word in command:gmatch "( *)([^ ]+)" do
    local last = words[#words]
    local value = last and last:find "^%-%-[^ ]*$" and word:sub(1, 1) ~= "-"
    if quoted or value then
      words[#words] = last .. blanks .. word
    else
      words[#words + 1] = word
    end
    local _, quotes = word:gsub("\\'", ""):gsub("'", "")
    quoted = quoted ~= (quotes % 2 == 1)
  end
  return words
end

--- A command of the shell to lines that can be pasted as they are: broken between words only, with a backslash.
function text.wrap_command(command, columns)
  local lines, line = {}, nil
  for _, word in ipairs(words_of(command)) do
    if not line then
      line = word
    elseif #line + 1 + #word <= columns - 2 then
      line = line .. " " .. word
    else
      lines[#lines + 1] = line .. " \\"
      line = "  " .. word
    end
  end
  lines[#lines + 1] = line
  return lines
end

local STYLES <const> = { pass = "32", warn = "33", fail = "1;31", error = "1;35", inconclusive = "36", skip = "2", expected = "36",
  faint = "2", strong = "1" }

--- Printable text in a colour, if there are colours.
function text.paint(style, line, color)
  return color and line ~= "" and ("\27[%sm%s\27[0m"):format(STYLES[style], line) or line
end

--- Whether the locale's character set is UTF-8.
function text.unicode(getenv)
  for _, name in ipairs { "LC_ALL", "LC_CTYPE", "LANG" } do
    local value = getenv(name)
    if value and value ~= "" then
      return value:lower():find "utf%-?8" ~= nil
    end
  end
  return false
end

return text
