#pragma once
/// @file tests/support/contract_suite.h
/// Registers every case of a contract as a CppUnit test of its own, named `<subject>.<case>`.
#include <cppunit/TestAssert.h>
#include <cppunit/TestCase.h>
#include <cppunit/TestSuite.h>
#include <cppunit/extensions/TestFactoryRegistry.h>

#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "plugin/contract/case.h"

namespace agentidp::tests {

/// `Bench` makes a subject and owns what it needs: default constructible, with `Subject& subject()`.
template <class Bench, class Subject>
class ContractTest final : public CppUnit::TestCase {
public:
    ContractTest(const std::string& subject, plugin::contract::Case<Subject> promise)
        : CppUnit::TestCase(subject + "." + promise.name), promise_(std::move(promise)) {}
    void setUp() override { bench_ = std::make_unique<Bench>(); }
    void tearDown() override { bench_.reset(); }
    void runTest() override {
        if (const auto saw = promise_.run(bench_->subject())) CPPUNIT_FAIL(*saw);
    }

private:
    plugin::contract::Case<Subject> promise_;
    std::unique_ptr<Bench> bench_;
};

/// `static const RegisterContract<FakeKeysBench, KeysSubject> kFake("keys-fake", keysContract());`
template <class Bench, class Subject>
class RegisterContract final : public CppUnit::TestFactory {
public:
    RegisterContract(std::string name, std::vector<plugin::contract::Case<Subject>> cases)
        : name_(std::move(name)), cases_(std::move(cases)) {
        CppUnit::TestFactoryRegistry::getRegistry().registerFactory(this);
    }
    CppUnit::Test* makeTest() override {
        auto suite = std::make_unique<CppUnit::TestSuite>(name_);
        for (const auto& promise : cases_) suite->addTest(new ContractTest<Bench, Subject>(name_, promise));
        return suite.release();
    }

private:
    std::string name_;
    std::vector<plugin::contract::Case<Subject>> cases_;
};

}  // namespace agentidp::tests
