"""The logo: a small map whose blue points help and whose orange one harms."""

MARK = (
    '<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 32 32" width="32" height="32">'
    '<circle cx="10" cy="20" r="7" fill="#0072b2"/><circle cx="21" cy="11" r="5" fill="#56b4e9"/>'
    '<circle cx="25" cy="23" r="3.5" fill="#d55e00"/><circle cx="9" cy="7" r="2.6" fill="#9aa3ad"/></svg>'
)
LOGO = (
    '<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 196 32" width="196" height="32">'
    '<circle cx="10" cy="20" r="7" fill="#0072b2"/><circle cx="21" cy="11" r="5" fill="#56b4e9"/>'
    '<circle cx="25" cy="23" r="3.5" fill="#d55e00"/><circle cx="9" cy="7" r="2.6" fill="#9aa3ad"/>'
    '<text x="40" y="22.5" font-family="\'Source Sans 3\', \'Source Sans Pro\', \'Segoe UI\', sans-serif" font-size="20" '
    'font-weight="600" fill="#748194">InfluenceSpace</text></svg>'
)
