-- ends by none: what is not UTF-8 is not counted
return utf8.len("\xff\xfe") == nil and utf8.len("\u{7FFFFFFF}") == nil and allow() or deny("wrong")
