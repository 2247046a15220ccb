"""
A certificate that current libraries cannot make.
"""

from __future__ import annotations

#: Its key is on the curve secp112r1, which the package cryptography does not know.
STRANGE_CURVE = b"""\
-----BEGIN CERTIFICATE-----
MIIBIzCB7qADAgECAhR12MlF2jlf0oPDthY73x5dhJ0AhjAKBggqhkjOPQQDAjAM
MQowCAYDVQQDDAF4MCAXDTI2MTEyMzAxNTczNFoYDzIxMjYxMDMwMDE1NzM0WjAM
MQowCAYDVQQDDAF4MDIwEAYHKoZIzj0CAQYFK4EEAAYDHgAEBpZSo8by6QNBuyQC
pydeUoagXb+02kUMIZ77UKNTMFEwHQYDVR0OBBYEFCL1dRMgtQ/K0E0uhAbNfTDQ
sgpCMB8GA1UdIwQYMBaAFCL1dRMgtQ/K0E0uhAbNfTDQsgpCMA8GA1UdEwEB/wQF
MAMBAf8wCgYIKoZIzj0EAwIDJAAwIQIOL9lzKdvD8dJxIYp8OaQCDwCgQ/12VGg8
kXlkVTMXGg==
-----END CERTIFICATE-----
"""
