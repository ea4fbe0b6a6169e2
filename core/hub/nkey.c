/* SPDX-License-Identifier: Apache-2.0 */
/*
 * An nkey is base32 without padding of: prefix, 32 bytes, CRC-16 (XMODEM, low byte first). A seed's
 * prefix has two bytes: "seed" and the kind of key in eleven bits, five of them in the first byte.
 */
#include "hub/nkey.h"

#include <errno.h>
#include <openssl/crypto.h>
#include <openssl/evp.h>
#include <stdio.h>

#include "base/error.h"

#define PREFIX_SEED (18 << 3) /* 'S' */
#define PREFIX_USER (20 << 3) /* 'U' */
#define SEED_TEXT 58          /* characters */
#define SEED_BYTES 36         /* prefix 2, key 32, CRC 2 */
#define KEY_BYTES 32

static const char alphabet[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZ234567";

static uint16_t crc16(const unsigned char *data, size_t len)
{
    uint16_t crc = 0;

    for (size_t i = 0; i < len; i++) {
        crc = (uint16_t)(crc ^ data[i] << 8);
        for (int bit = 0; bit < 8; bit++) {
            crc = (uint16_t)((crc & 0x8000) != 0 ? crc << 1 ^ 0x1021 : crc << 1);
        }
    }
    return crc;
}

static bool base32_decode(struct nw_slice text, unsigned char *out, size_t size)
{
    uint32_t bits = 0;
    int have = 0;
    size_t n = 0;

    for (size_t i = 0; i < text.len; i++) {
        const char *at = text.data[i] == '\0' ? NULL : strchr(alphabet, text.data[i]);
        if (at == NULL) {
            return false;
        }
        bits = bits << 5 | (uint32_t)(at - alphabet);
        have += 5;
        if (have >= 8 && n < size) {
            have -= 8;
            out[n++] = (unsigned char)(bits >> have);
        }
    }
    return n == size;
}

static void base32_encode(const unsigned char *data, size_t len, char *out)
{
    uint32_t bits = 0;
    int have = 0;

    for (size_t i = 0; i < len; i++) {
        bits = bits << 8 | data[i];
        have += 8;
        while (have >= 5) {
            have -= 5;
            *out++ = alphabet[bits >> have & 31];
        }
    }
    if (have > 0) {
        *out++ = alphabet[bits << (5 - have) & 31];
    }
    *out = '\0';
}

static bool derive(const unsigned char *seed, unsigned char *public_key)
{
    EVP_PKEY *key = EVP_PKEY_new_raw_private_key(EVP_PKEY_ED25519, NULL, seed, KEY_BYTES);
    size_t len = KEY_BYTES;
    bool ok = key != NULL && EVP_PKEY_get_raw_public_key(key, public_key, &len) == 1;

    EVP_PKEY_free(key);
    return ok && len == KEY_BYTES;
}

static struct nw_slice trim(struct nw_slice s)
{
    while (s.len > 0 && strchr(" \t\r\n", s.data[0]) != NULL) {
        s.data++;
        s.len--;
    }
    while (s.len > 0 && strchr(" \t\r\n", s.data[s.len - 1]) != NULL) {
        s.len--;
    }
    return s;
}

int nw_nkey_public(struct nw_slice seed, char out[NW_NKEY_PUBLIC], struct nw_error *error)
{
    unsigned char raw[SEED_BYTES], key[1 + KEY_BYTES + 2];
    uint16_t crc;
    int kind;

    seed = trim(seed);
    if (seed.len != SEED_TEXT || !base32_decode(seed, raw, sizeof raw) ||
        (raw[0] & 0xf8) != PREFIX_SEED) {
        return nw_error_set(error, NW_EINVAL, "expected an nkey seed (SU… with %d characters)",
                            SEED_TEXT);
    }
    crc = crc16(raw, SEED_BYTES - 2);
    if (raw[SEED_BYTES - 2] != (crc & 0xff) || raw[SEED_BYTES - 1] != crc >> 8) {
        OPENSSL_cleanse(raw, sizeof raw);
        return nw_error_set(error, NW_EINVAL, "the nkey seed is damaged: its checksum is wrong");
    }
    kind = (raw[0] & 7) << 5 | (raw[1] & 0xf8) >> 3;
    if (kind != PREFIX_USER) {
        OPENSSL_cleanse(raw, sizeof raw);
        return nw_error_set(error, NW_EINVAL, "the nkey seed is not a user's (SU…)");
    }
    key[0] = PREFIX_USER;
    if (!derive(raw + 2, key + 1)) {
        OPENSSL_cleanse(raw, sizeof raw);
        return nw_error_set(error, NW_EINVAL, "no public key could be made of the nkey seed");
    }
    OPENSSL_cleanse(raw, sizeof raw);
    crc = crc16(key, 1 + KEY_BYTES);
    key[1 + KEY_BYTES] = (unsigned char)(crc & 0xff);
    key[2 + KEY_BYTES] = (unsigned char)(crc >> 8);
    base32_encode(key, sizeof key, out);
    return 0;
}

/* The first line that can be a seed. */
static struct nw_slice find_seed(const char *text, size_t len)
{
    struct nw_slice line = {text, 0};

    while (line.data < text + len) {
        const char *end = memchr(line.data, '\n', (size_t)(text + len - line.data));
        line.len = (size_t)((end == NULL ? text + len : end) - line.data);
        if (nw_slice_starts(trim(line), NW_LITERAL("SU"))) {
            return line;
        }
        line.data += line.len + 1;
    }
    return NW_ABSENT;
}

int nw_nkey_public_from_file(const char *path, char out[NW_NKEY_PUBLIC], struct nw_error *error)
{
    char text[8192], why[200];
    struct nw_slice seed;
    struct nw_error inner = {0};
    FILE *file = fopen(path, "re");
    size_t n;
    int rc;

    if (file == NULL) {
        return nw_error_set(error, NW_EINVAL, "cannot read %s: %s", path, strerror(errno));
    }
    n = fread(text, 1, sizeof text, file);
    (void)fclose(file);
    seed = find_seed(text, n);
    rc = nw_nkey_public(seed.data == NULL ? NW_LITERAL("") : seed, out, &inner);
    OPENSSL_cleanse(text, sizeof text);
    if (rc != 0) {
        (void)snprintf(why, sizeof why, "%.199s", inner.text);
        return nw_error_set(error, rc, "%s: %s", path, why);
    }
    return 0;
}
