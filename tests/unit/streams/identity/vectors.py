"""Published and invented VINs, as the project's standard lists them: each with what must be said of it."""

from __future__ import annotations

from typing import Final

INVENTED: Final = (
    *("LZZTESTA6PN000001", "LZZTESTA8PN000002", "LZZTESTA3PN000005", "LZZTESTA0PN000009"),
    *("LFWTESTB9RA000002", "LZGTESTC0SX000003", "LJ1TESTD7TC000004", "LVBTESTE0RB000005"),
    *("LGGTESTF1SL000006", "HZZTESTG6TA000007"),
)
EACH_CHECK_VALUE: Final = {
    "38Z63P7W0GCRB5050": "0",
    "WYSHUV571C50P2806": "1",
    "2UNLM4Y22KF0E2219": "2",
    "PBJ1GXMU3NDE71284": "3",
    "0C1H83214Y4JF6614": "4",
    "6DERGH2S587714324": "5",
    "U0Y2NM226JG9N5043": "6",
    "9BY7UYCC7210U3767": "7",
    "TT4GR5BH8EVNJ7856": "8",
    "3EA4ZN5H9CKJU9042": "9",
    "RYZA0YM5X5SJL1774": "X",
}
PUBLISHED: Final = (
    *("11111111111111111", "1M8GDM9AXKP042788", "5N1NJ01CXST000001", "1XPBDK9X1LD708195"),
    *("2G1WB5E37E1110567", "1FACP45EXLF192944"),
    *("LDC613P23A1305189", "LSJA24U62JG269225", "LBV5S3102ESJ25655"),
)
RIGHT: Final = (*PUBLISHED, *EACH_CHECK_VALUE, *INVENTED)
NOT_REQUIRED: Final = {"WP0ZZZ99ZTS392124": "8", "WVWZZZ3CZEE140287": "7", "9BWZZZ377VT004251": "2"}
REFUSED: Final = {
    "2G1WB5E36E1110567": ("check_digit", 9, "check digit at position 9: got 6, want 7"),
    "LZZTESTA5PN000001": ("check_digit", 9, "check digit at position 9: got 5, want 6"),
    "1M8GDM9AXKPO42788": ("character", 12, "character at position 12: got 'O', .*is it 0?"),
    "1M8GDM9AXKP04278": ("length", None, "length: got 16 characters, want 17"),
    "": ("length", None, "length: got 0 characters, want 17"),
    "LZZTESTA6PN00000#": ("character", 17, "character at position 17: got '#'"),
    "LZZTESTA6PN00000É": ("character", 17, "character at position 17: got 'É'"),
    "LZZTESТA6PN000001": ("character", 7, "a VIN has no Cyrillic Т; is it T?"),
    "4.1E+16": ("length", None, "length: got 7 characters"),
}
