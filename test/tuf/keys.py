# SPDX-License-Identifier: Apache-2.0
"""Keys and signatures by libcrypto, through ctypes: nothing to install, and any python3 does."""
import ctypes
import hashlib

_c = ctypes.CDLL("libcrypto.so.3")
_p, _n = ctypes.c_void_p, ctypes.c_size_t
ED25519, PSS_PADDING, BIO_INFO = 1087, 6, 3


def _function(name, result, *arguments):
    function = getattr(_c, name)
    function.restype, function.argtypes = result, arguments
    return function


_ctx_new = _function("EVP_MD_CTX_new", _p)
_ctx_free = _function("EVP_MD_CTX_free", None, _p)
_sha256 = _function("EVP_sha256", _p)
_sign_init = _function("EVP_DigestSignInit", ctypes.c_int, _p, _p, _p, _p, _p)
_sign = _function("EVP_DigestSign", ctypes.c_int, _p, _p, _p, ctypes.c_char_p, _n)
_padding = _function("EVP_PKEY_CTX_set_rsa_padding", ctypes.c_int, _p, ctypes.c_int)
_salt = _function("EVP_PKEY_CTX_set_rsa_pss_saltlen", ctypes.c_int, _p, ctypes.c_int)
_raw_private = _function("EVP_PKEY_new_raw_private_key", _p, ctypes.c_int, _p, ctypes.c_char_p, _n)
_raw_public = _function("EVP_PKEY_get_raw_public_key", ctypes.c_int, _p, _p, _p)
_bio_new = _function("BIO_new", _p, _p)
_bio_mem = _function("BIO_s_mem", _p)
_bio_ctrl = _function("BIO_ctrl", ctypes.c_long, _p, ctypes.c_int, ctypes.c_long, _p)
_bio_free = _function("BIO_free", ctypes.c_int, _p)
_write_pem = _function("PEM_write_bio_PUBKEY", ctypes.c_int, _p, _p)
_keygen = _c.EVP_PKEY_Q_keygen
_keygen.restype = _p


def canonical(value):
    """Canonical JSON of OLPC."""
    if value is True or value is False or value is None:
        return {True: "true", False: "false", None: "null"}[value]
    if isinstance(value, int):
        return str(value)
    if isinstance(value, str):
        return '"' + value.replace("\\", "\\\\").replace('"', '\\"') + '"'
    if isinstance(value, dict):
        return "{" + ",".join(f"{canonical(k)}:{canonical(value[k])}" for k in sorted(value)) + "}"
    return "[" + ",".join(map(canonical, value)) + "]"


class Key:
    """A key pair of keytype/scheme."""
    made = 0

    def __init__(self, keytype="ed25519", **more):
        self.scheme = {"ed25519": "ed25519", "rsa": "rsassa-pss-sha256",
                       "ecdsa": "ecdsa-sha2-nistp256"}[keytype]
        self.keytype = keytype
        if keytype == "ed25519":
            Key.made += 1
            seed = hashlib.sha256(b"graft %d" % Key.made).digest()
            self.pkey = _raw_private(ED25519, None, seed, 32)
            raw, length = ctypes.create_string_buffer(32), ctypes.c_size_t(32)
            assert _raw_public(self.pkey, raw, ctypes.byref(length)) == 1
            public = raw.raw.hex()
        else:
            self.pkey = _keygen(None, None, *((b"RSA", _n(2048)) if keytype == "rsa"
                                              else (b"EC", b"P-256")))
            public = self.pem()
        self.public = {"keytype": keytype, "scheme": self.scheme, "keyval": {"public": public},
                       **more}
        self.id = hashlib.sha256(canonical(self.public).encode()).hexdigest()

    def pem(self):
        bio, at = _bio_new(_bio_mem()), ctypes.c_char_p()
        assert _write_pem(bio, self.pkey) == 1
        length = _bio_ctrl(bio, BIO_INFO, 0, ctypes.byref(at))
        text = ctypes.string_at(at, length).decode()
        _bio_free(bio)
        return text

    def sign(self, data):
        context, extra = _ctx_new(), ctypes.c_void_p()
        digest = None if self.keytype == "ed25519" else _sha256()
        assert _sign_init(context, ctypes.byref(extra), digest, None, self.pkey) == 1
        if self.keytype == "rsa":
            assert _padding(extra, PSS_PADDING) == 1 and _salt(extra, 32) == 1
        out, length = ctypes.create_string_buffer(1024), ctypes.c_size_t(1024)
        assert _sign(context, out, ctypes.byref(length), data, len(data)) == 1
        _ctx_free(context)
        return out.raw[:length.value].hex()
