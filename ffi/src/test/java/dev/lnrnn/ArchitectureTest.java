package dev.lnrnn;

import static com.tngtech.archunit.core.domain.JavaClass.Predicates.resideInAPackage;
import static com.tngtech.archunit.core.domain.JavaClass.Predicates.resideInAnyPackage;
import static com.tngtech.archunit.lang.syntax.ArchRuleDefinition.classes;
import static com.tngtech.archunit.lang.syntax.ArchRuleDefinition.noClasses;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;

import com.tngtech.archunit.core.domain.JavaClasses;
import com.tngtech.archunit.core.importer.ClassFileImporter;
import java.lang.reflect.Executable;
import java.lang.reflect.Method;
import java.lang.reflect.Type;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Set;
import org.junit.jupiter.api.Test;

/** The walls between the rooms of the module. */
class ArchitectureTest {

    private static final JavaClasses MODULE = new ClassFileImporter().importPath(ExportedApi.classes());

    @Test
    void exportsThreePackages() {
        assertEquals(Set.of("dev.lnrnn", "dev.lnrnn.memory", "dev.lnrnn.interop"), ExportedApi.packages());
    }

    @Test
    void exportedSignaturesShowExportedTypesOnly() {
        List<String> hidden = new ArrayList<>();
        for (Executable method : ExportedApi.methods()) {
            List<Type> types = new ArrayList<>(Arrays.asList(method.getGenericParameterTypes()));
            types.addAll(Arrays.asList(method.getGenericExceptionTypes()));
            if (method instanceof Method returning) {
                types.add(returning.getGenericReturnType());
            }
            types.stream().map(Type::getTypeName)
                    .filter(name -> name.contains("dev.lnrnn.raw.") || name.contains("dev.lnrnn.internal."))
                    .forEach(name -> hidden.add(method + " shows " + name));
        }
        assertEquals(List.of(), hidden);
    }

    @Test
    void exportedTypesExtendExportedTypesOnly() {
        for (Class<?> type : ExportedApi.types()) {
            for (Class<?> parent = type; parent != null; parent = parent.getSuperclass()) {
                String name = parent.getPackageName();
                assertFalse(name.equals("dev.lnrnn.raw") || name.equals("dev.lnrnn.internal"),
                        type + " extends " + parent);
            }
        }
    }

    @Test
    void bindingsKnowNothingOfTheirUsers() {
        classes().that().resideInAPackage("dev.lnrnn.raw")
                .should().onlyDependOnClassesThat(resideInAnyPackage("dev.lnrnn.raw", "java.."))
                .check(MODULE);
    }

    /** Files of weights are read and written without any device. */
    @Test
    void interopNeedsNoNativeLibrary() {
        noClasses().that().resideInAPackage("dev.lnrnn.interop")
                .should().dependOnClassesThat(resideInAnyPackage("dev.lnrnn.raw", "dev.lnrnn.internal"))
                .check(MODULE);
    }

    @Test
    void jsonStaysInInterop() {
        noClasses().that().resideOutsideOfPackage("dev.lnrnn.interop")
                .should().dependOnClassesThat(resideInAPackage("com.fasterxml.."))
                .check(MODULE);
    }

    /** Native memory is given an extent, and native code is found and loaded, in few places. */
    @Test
    void restrictedMethodsStayWhereNativeObjectsAreMade() {
        noClasses().that().resideOutsideOfPackages("dev.lnrnn.raw", "dev.lnrnn.internal", "dev.lnrnn.memory")
                .should().callMethodWhere(RestrictedMethods.called())
                .check(MODULE);
    }

    /** The bindings have a trace of their own, for a property of jextract's. */
    @Test
    void aLibraryNeitherPrintsNorExits() {
        noClasses().that().resideOutsideOfPackage("dev.lnrnn.raw")
                .should().callMethod(System.class, "exit", int.class)
                .orShould().accessField(System.class, "out")
                .orShould().accessField(System.class, "err")
                .check(MODULE);
    }
}
