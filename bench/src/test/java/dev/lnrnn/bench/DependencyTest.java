package dev.lnrnn.bench;

import static com.tngtech.archunit.base.DescribedPredicate.not;
import static com.tngtech.archunit.core.domain.JavaClass.Predicates.resideInAPackage;
import static com.tngtech.archunit.core.domain.JavaClass.Predicates.resideInAnyPackage;
import static com.tngtech.archunit.lang.syntax.ArchRuleDefinition.noClasses;

import com.tngtech.archunit.core.importer.ClassFileImporter;
import com.tngtech.archunit.core.importer.ImportOption;
import org.junit.jupiter.api.Test;

/** The programs use the library as any user would: on the class path, nothing else would hold them to it. */
class DependencyTest {

    @Test
    void usesExportedPackagesAlone() {
        noClasses().that().resideInAPackage("dev.lnrnn.bench..")
                .should().dependOnClassesThat(resideInAPackage("dev.lnrnn..").and(not(resideInAnyPackage(
                        "dev.lnrnn", "dev.lnrnn.interop", "dev.lnrnn.bench.."))))
                .check(new ClassFileImporter().withImportOption(ImportOption.Predefined.DO_NOT_INCLUDE_TESTS)
                        .importPackages("dev.lnrnn.bench"));
    }
}
