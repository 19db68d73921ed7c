// The other end of a connection, in this process: a server with a true GSS
// context, its key from the keytab that KRB5_KTNAME names.
#pragma once

#include <gssapi/gssapi.h>
#include <sys/socket.h>

#include <cstdlib>
#include <string>
#include <utility>

#include "input.hpp"
#include "support.hpp"
#include "transport/descriptor.hpp"

namespace pyremctl::fuzz {

constexpr unsigned flag_context = 0x02;
constexpr unsigned flag_data = 0x04;
constexpr unsigned flag_mic = 0x08;
constexpr unsigned flag_protocol = 0x40;

class Peer {
  public:
    explicit Peer(Descriptor socket) : socket_(std::move(socket)) {}
    Peer(const Peer &) = delete;
    Peer &operator=(const Peer &) = delete;
    ~Peer() {
        OM_uint32 minor = 0;
        gss_delete_sec_context(&minor, &context_, GSS_C_NO_BUFFER);
    }

    int socket() const { return socket_.get(); }
    void hang_up() { socket_.reset(); }

    /// The next token's data; empty at the end of the connection, in the middle of it too.
    std::string receive() {
        const std::string header = exactly(5);
        if (header.size() < 5)
            return {};
        std::size_t length = 0;
        for (std::size_t i = 1; i < 5; ++i)
            length = length << 8 | static_cast<unsigned char>(header[i]);
        std::string data = exactly(length);
        return data.size() == length ? data : std::string();
    }

    /// The server's part of the handshake, answered with these flags. False where
    /// the client goes away instead.
    bool accept(unsigned flags = flag_context | flag_protocol) {
        receive(); // it has nothing in it
        OM_uint32 major = GSS_S_CONTINUE_NEEDED;
        OM_uint32 minor = 0;
        while (major == GSS_S_CONTINUE_NEEDED) {
            std::string data = receive();
            if (data.empty())
                return false;
            gss_buffer_desc in{data.size(), data.data()};
            gss_buffer_desc out = GSS_C_EMPTY_BUFFER;
            major = gss_accept_sec_context(&minor, &context_, GSS_C_NO_CREDENTIAL, &in,
                                           GSS_C_NO_CHANNEL_BINDINGS, nullptr, nullptr, &out,
                                           nullptr, nullptr, nullptr);
            require(!GSS_ERROR(major), "the handshake (is there a ticket, and KRB5_KTNAME?)");
            test::write_all(socket_.get(),
                            test::token(flags, {static_cast<char *>(out.value), out.length}));
            gss_release_buffer(&minor, &out);
        }
        return true;
    }

    /// The plain message in what a token carried.
    std::string unwrap(std::string sealed) {
        gss_buffer_desc in{sealed.size(), sealed.data()};
        gss_buffer_desc out = GSS_C_EMPTY_BUFFER;
        OM_uint32 minor = 0;
        require(gss_unwrap(&minor, context_, &in, &out, nullptr, nullptr) == GSS_S_COMPLETE,
                "unwrapping what the client has said");
        return taken(out);
    }

    /// A signature of a message, as it travels in a token of its own.
    std::string sign(std::string plain) {
        gss_buffer_desc in{plain.size(), plain.data()};
        gss_buffer_desc out = GSS_C_EMPTY_BUFFER;
        OM_uint32 minor = 0;
        require(gss_get_mic(&minor, context_, GSS_C_QOP_DEFAULT, &in, &out) == GSS_S_COMPLETE,
                "signing");
        return taken(out);
    }

    /// A plain message as it travels in a token.
    std::string wrap(const std::string &plain) {
        std::string copy = plain;
        gss_buffer_desc in{copy.size(), copy.data()};
        gss_buffer_desc out = GSS_C_EMPTY_BUFFER;
        OM_uint32 minor = 0;
        const OM_uint32 major =
            gss_wrap(&minor, context_, 1, GSS_C_QOP_DEFAULT, &in, nullptr, &out);
        require(major == GSS_S_COMPLETE, "wrapping");
        return taken(out);
    }

  private:
    static std::string taken(gss_buffer_desc &buffer) {
        std::string copy(static_cast<char *>(buffer.value), buffer.length);
        OM_uint32 minor = 0;
        gss_release_buffer(&minor, &buffer);
        return copy;
    }

    std::string exactly(std::size_t length) {
        std::string got(length, '\0');
        std::size_t done = 0;
        while (done < length) {
            const auto count = ::recv(socket_.get(), got.data() + done, length - done, 0);
            if (count <= 0)
                return got.substr(0, done);
            done += static_cast<std::size_t>(count);
        }
        return got;
    }

    Descriptor socket_;
    gss_ctx_id_t context_ = GSS_C_NO_CONTEXT;
};

} // namespace pyremctl::fuzz
