x = １２３
y = ²
“quoted”
