// Credentials where no KDC is needed: the lease, the wait for a ticket, the fork, the caches.
#include <doctest/doctest.h>

#include <unistd.h>

#include <cstdlib>
#include <fstream>
#include <mutex>

#include "credentials/cache.hpp"
#include "credentials/credentials.hpp"
#include "credentials/explain.hpp"
#include "credentials/hints.hpp"
#include "credentials/identity.hpp"
#include "credentials/keytab.hpp"
#include "credentials/memory_cache.hpp"
#include "credentials/per_process.hpp"
#include "credentials/ready.hpp"
#include "support.hpp"

using namespace pyremctl;
using namespace pyremctl::test;

namespace {

/// A configuration of this file's own, before libkrb5 reads any.
[[maybe_unused]] const bool configured = [] {
    static char path[] = "/tmp/pyremctl-krb5-conf-XXXXXX";
    const int descriptor = ::mkstemp(path);
    std::ofstream(path) << "[libdefaults]\n default_realm = NATIVE.TEST\n dns_lookup_kdc = false\n"
                           "[realms]\n NATIVE.TEST = {\n  kdc = 127.0.0.1:1\n }\n";
    ::close(descriptor);
    ::setenv("KRB5_CONFIG", path, 1);
    std::atexit([] { ::unlink(path); });
    return true;
}();

/// Credentials whose KDC is this test.
struct Scripted final : Credentials {
    std::shared_ptr<Lease> present;
    bool due = true;
    std::atomic<int> renewals{0};
    std::atomic<bool> answered{true};
    bool refused = false;

    std::string source() const override { return "this test"; }
    Facts look() const override { return {}; }
    bool needs_renewal() const override { return due; }
    std::shared_ptr<Lease> current() const override { return present; }
    void check(Delay & /*delay*/) override {}
    Error unseen() const override { return late(); }
    std::shared_ptr<Lease> renew(Delay & /*delay*/) override {
        ++renewals;
        while (!answered)
            std::this_thread::sleep_for(1ms);
        if (refused)
            throw Error(ErrorKind::ticket, "refused").with_hint("ask again");
        return std::make_shared<Lease>("MEMORY:fresh");
    }
    Error late() const override { return {ErrorKind::timeout, "late"}; }
};

std::string ready_name(Driver &driver, const std::shared_ptr<Credentials> &credentials) {
    return driver.run([&](auto &call) { return ready(credentials, call); })->name();
}

} // namespace

TEST_CASE("a ticket that has time left is used as it is") {
    Driver driver;
    const auto credentials = std::make_shared<Scripted>();
    credentials->present = std::make_shared<Lease>("MEMORY:present");
    credentials->due = false;
    CHECK(ready_name(driver, credentials) == "MEMORY:present");
    CHECK(credentials->renewals == 0);
}

TEST_CASE("without a ticket one is waited for") {
    Driver driver;
    const auto credentials = std::make_shared<Scripted>();
    CHECK(ready_name(driver, credentials) == "MEMORY:fresh");
    credentials->refused = true;
    CHECK_THROWS_WITH_AS(ready_name(driver, credentials), "refused", Error);
}

TEST_CASE("a ticket that another has got since one looked is not asked for again") {
    const auto credentials = std::make_shared<Scripted>();
    const auto got = [&](const std::shared_ptr<Lease> &found) {
        const auto renewal = credentials->renewal(found);
        while (!renewal->done())
            std::this_thread::sleep_for(1ms);
        return renewal->lease()->name();
    };
    const auto used_up = std::make_shared<Lease>("MEMORY:used up");
    credentials->present = used_up;
    CHECK(got(used_up) == "MEMORY:fresh");
    CHECK(credentials->renewals == 1);
    credentials->present = std::make_shared<Lease>("MEMORY:another's");
    CHECK(got(nullptr) == "MEMORY:another's");
    CHECK(got(used_up) == "MEMORY:another's");
    CHECK(credentials->renewals == 1);
}

TEST_CASE("a ticket that is about to end is good enough when the KDC fails") {
    Driver driver;
    const auto credentials = std::make_shared<Scripted>();
    credentials->present = std::make_shared<Lease>("MEMORY:present");
    CHECK(ready_name(driver, credentials) == "MEMORY:fresh");
    credentials->refused = true;
    CHECK(ready_name(driver, credentials) == "MEMORY:present");
}

TEST_CASE("and when the KDC is silent, for which a moment is enough") {
    Driver driver;
    const auto credentials = std::make_shared<Scripted>();
    credentials->present = std::make_shared<Lease>("MEMORY:present");
    credentials->answered = false;
    const Time start = Clock::now();
    CHECK(ready_name(driver, credentials) == "MEMORY:present");
    CHECK(Clock::now() - start < 10s);
    credentials->answered = true;
}

TEST_CASE("a silent KDC is given up when the call's time is up, by Ctrl-C, and by close()") {
    const auto credentials = std::make_shared<Scripted>();
    credentials->answered = false;
    {
        Driver driver;
        driver.limits.deadline = Clock::now() + 20ms;
        CHECK_THROWS_WITH_AS(ready_name(driver, credentials), "late", Error);
    }
    {
        Driver driver;
        driver.looks.length = 1ms;
        driver.looks.interrupted = true;
        CHECK_THROWS_AS(ready_name(driver, credentials), std::string);
    }
    {
        Driver driver;
        CHECK_THROWS_AS(driver.run([&](auto &call) {
            call.cancel();
            return ready(credentials, call);
        }),
                        Error);
    }
    credentials->answered = true;
}

TEST_CASE("the child of a fork has its own, even where the parent's was locked") {
    struct Counter {
        std::mutex mutex;
        int count = 0;
    };
    const PerProcess<Counter> counter;
    const std::lock_guard lock(counter.get().mutex);
    counter.get().count = 5;
    CHECK(in_child([&] {
        const std::lock_guard own(counter.get().mutex);
        return counter.get().count == 0;
    }));
    CHECK(counter.get().count == 5);
}

TEST_CASE(
    "a cache of ours is there for as long as its lease, and in the child of a fork after it") {
    auto cache = std::make_unique<kerberos::MemoryCache>();
    const auto &context = cache->context();
    const auto client = kerberos::make<krb5_principal>(context, krb5_parse_name, "me");
    context.check(krb5_cc_initialize(context.get(), cache->get(), client.get()));
    auto lease = std::make_shared<Lease>(std::move(cache), "me@NATIVE.TEST", 0);
    const std::string name = lease->name();
    CHECK(name.starts_with("MEMORY:"));
    CHECK(look_at(name).principal == "me@NATIVE.TEST");
    CHECK(in_child([&] {
        lease.reset();
        return look_at(name).principal == "me@NATIVE.TEST";
    }));
    lease.reset();
    CHECK(look_at(name).state == CacheFacts::State::missing);
}

TEST_CASE("a cache of the user's is looked at, and not renewed") {
    const auto credentials = Credentials::from_ccache("MEMORY:nothing there");
    CHECK(credentials->look().name == "MEMORY:nothing there");
    CHECK_FALSE(credentials->look().principal);
    CHECK_FALSE(credentials->look().expires);
    CHECK_FALSE(credentials->look().valid);
    Driver driver;
    CHECK_THROWS_AS(driver.run([&](auto &call) { return renew_now(credentials, call); }), Error);
    CHECK(ready_name(driver, credentials) == "MEMORY:nothing there");
    credentials->close();
    CHECK_THROWS_WITH_AS(ready_name(driver, credentials), "the credentials are closed", Error);
    const auto impossible = Credentials::from_ccache("NOTYPE:x");
    CHECK_THROWS_AS(driver.run([&](auto &call) { return look_now(impossible, call); }), Error);
}

TEST_CASE("a ticket is renewed in the last quarter of its life, and in its last five minutes") {
    constexpr std::time_t hour = 3600;
    CHECK_FALSE(is_due(0, 8 * hour, 6 * hour));
    CHECK(is_due(0, 8 * hour, 6 * hour + 1));
    CHECK_FALSE(is_due(-4 * hour, 8 * hour, 5 * hour)); // it is the whole life that counts
    CHECK(is_due(-4 * hour, 8 * hour, 5 * hour + 1));
    CHECK_FALSE(is_due(0, 600, 300));
    CHECK(is_due(0, 600, 301));
}

TEST_CASE("a keytab that is not there is named") {
    try {
        read_keytab("/nonexistent/keytab", std::nullopt);
        FAIL("no exception");
    } catch (const Error &error) {
        CHECK(std::string(error.what()).find("FILE:/nonexistent/keytab") != std::string::npos);
    }
}

TEST_CASE("only a failure to authenticate is explained") {
    const Attempt attempt{.host = "server", .principal = std::nullopt, .ccache = "MEMORY:none"};
    CHECK(
        explain("cannot connect to server (port 4373): Connection refused", attempt).hint.empty());
    CHECK(explain("", attempt).hint.empty());
    CHECK(explain("GSS-API error initializing context: x", attempt).hint.find("MEMORY:none") !=
          std::string::npos);
}

TEST_CASE("a KDC that cannot be reached is named as krb5.conf has it") {
    const auto text = hints::kdc_silent(kerberos::Context(), "NATIVE.TEST");
    CHECK(text.find("127.0.0.1:1") != std::string::npos);
    CHECK(text.find("NATIVE.TEST") != std::string::npos);
}

TEST_CASE("of two clients at the same moment the first one stays") {
    // Both have looked before either has connected, so that settle() alone sees the difference.
    Choice one("FILE:/one");
    one.principal = "one@NATIVE.TEST";
    Choice two("FILE:/two");
    two.principal = "two@NATIVE.TEST";
    Identity identity{DefaultCache{}};
    identity.require(one);
    identity.require(two);
    identity.settle(one);
    CHECK_THROWS_AS(identity.settle(two), Error);
    CHECK_THROWS_AS(identity.require(two), Error);
    CHECK_NOTHROW(identity.require(one));
}
