//! `#[derive(Request)]` and `#[derive(Response)]`; see `kw_schema` for what they mean.
use proc_macro::TokenStream;
use proc_macro2::TokenStream as Tokens;
use quote::quote;
use syn::{Data, DeriveInput, Expr, ExprLit, Field, Fields, Lit, LitStr, Meta, parse_macro_input};

/// Reads a struct from the parts of a request.
#[proc_macro_derive(Request, attributes(capture, field, body, flatten))]
pub fn request(input: TokenStream) -> TokenStream {
    let input = parse_macro_input!(input as DeriveInput);
    expand_request(&input).unwrap_or_else(|e| e.to_compile_error()).into()
}

/// Describes the fields of an answer.
#[proc_macro_derive(Response, attributes(field, flatten))]
pub fn response(input: TokenStream) -> TokenStream {
    let input = parse_macro_input!(input as DeriveInput);
    expand_response(&input).unwrap_or_else(|e| e.to_compile_error()).into()
}

fn expand_request(input: &DeriveInput) -> syn::Result<Tokens> {
    let name = &input.ident;
    let doc = doc_of(&input.attrs);
    let (mut describes, mut parses) = (Vec::new(), Vec::new());
    for field in named_fields(input)? {
        let (describe, parse) = request_field(field)?;
        describes.push(describe);
        parses.push(parse);
    }
    Ok(quote! {
        impl ::kw_schema::Request for #name {
            const DOC: &'static str = #doc;
            fn fields(out: &mut ::std::vec::Vec<::kw_schema::Field>) { let _ = &out; #(#describes)* }
            fn parse(input: &::kw_schema::Input<'_>) -> ::std::result::Result<Self, ::kw_types::Fault> {
                let _ = &input;
                Ok(Self { #(#parses)* })
            }
        }
    })
}

fn request_field(field: &Field) -> syn::Result<(Tokens, Tokens)> {
    let (ident, ty) = (&field.ident, &field.ty);
    let options = options(field)?;
    let (name, doc) = (&options.name, doc_of(&field.attrs));
    if has(field, "flatten") {
        let describe = quote! { <#ty as ::kw_schema::Request>::fields(out); };
        return Ok((describe, quote! { #ident: <#ty as ::kw_schema::Request>::parse(input)?, }));
    }
    let (place, parse) = if has(field, "capture") {
        (quote!(Path), quote! { input.capture::<#ty>(#name)? })
    } else if has(field, "body") {
        (
            quote!(Body),
            quote! { match input.params.body() {
                Some(raw) => <#ty as ::kw_schema::Coerce>::coerce(&::kw_schema::Raw::Json(raw)).map_err(::kw_types::Fault::bad_request)?,
                None => <#ty as ::std::default::Default>::default(),
            } },
        )
    } else if let Some(default) = &options.default {
        (quote!(Param), quote! { input.param_or::<#ty>(#name, #default)? })
    } else if options.required {
        (quote!(Param), quote! { input.required::<#ty>(#name)? })
    } else {
        (quote!(Param), quote! { input.param::<#ty>(#name)?.unwrap_or_default() })
    };
    let required = options.required || has(field, "capture");
    let describe = describe(name, &place, ty, required, options.default.as_ref(), &doc);
    Ok((describe, quote! { #ident: #parse, }))
}

fn expand_response(input: &DeriveInput) -> syn::Result<Tokens> {
    let name = &input.ident;
    let (impl_generics, ty_generics, where_clause) = input.generics.split_for_impl();
    let mut describes = Vec::new();
    for field in named_fields(input)? {
        let ty = &field.ty;
        if has(field, "flatten") {
            describes.push(quote! { <#ty as ::kw_schema::Response>::fields(out); });
            continue;
        }
        let options = options(field)?;
        let (name, doc) = (&options.name, doc_of(&field.attrs));
        let kind = options.kind.unwrap_or_else(|| LitStr::new("Json", proc_macro2::Span::call_site()));
        let kind = syn::Ident::new(&kind.value(), kind.span());
        let secret = options.secret;
        describes.push(quote! { out.push(::kw_schema::Field {
            name: #name, place: ::kw_schema::Place::Answer, kind: ::kw_schema::Kind::#kind, required: true, default: None, secret: #secret, doc: #doc,
        }); });
    }
    Ok(quote! {
        impl #impl_generics ::kw_schema::Response for #name #ty_generics #where_clause {
            fn fields(out: &mut ::std::vec::Vec<::kw_schema::Field>) { let _ = &out; #(#describes)* }
        }
    })
}

fn describe(
    name: &LitStr,
    place: &Tokens,
    ty: &syn::Type,
    required: bool,
    default: Option<&LitStr>,
    doc: &str,
) -> Tokens {
    let default = default.map_or_else(|| quote!(None), |d| quote!(Some(#d)));
    quote! { out.push(::kw_schema::Field {
        name: #name, place: ::kw_schema::Place::#place, kind: <#ty as ::kw_schema::Coerce>::KIND, required: #required,
        default: #default, secret: <#ty as ::kw_schema::Coerce>::SECRET, doc: #doc,
    }); }
}

struct Options {
    name: LitStr,
    default: Option<LitStr>,
    kind: Option<LitStr>,
    required: bool,
    secret: bool,
}

fn options(field: &Field) -> syn::Result<Options> {
    let ident = field.ident.as_ref().map(ToString::to_string).unwrap_or_default();
    let name = LitStr::new(ident.trim_start_matches("r#"), proc_macro2::Span::call_site());
    let mut out = Options { name, default: None, kind: None, required: false, secret: is_secret(&field.ty) };
    for attr in field.attrs.iter().filter(|a| a.path().is_ident("field")) {
        attr.parse_nested_meta(|meta| {
            if meta.path.is_ident("name") {
                out.name = meta.value()?.parse()?;
            } else if meta.path.is_ident("default") {
                out.default = Some(meta.value()?.parse()?);
            } else if meta.path.is_ident("kind") {
                out.kind = Some(meta.value()?.parse()?);
            } else if meta.path.is_ident("required") {
                out.required = true;
            } else {
                return Err(meta.error("expected name, default, kind or required"));
            }
            Ok(())
        })?;
    }
    Ok(out)
}

fn is_secret(ty: &syn::Type) -> bool {
    quote!(#ty).to_string().contains("Secret <")
}

fn named_fields(input: &DeriveInput) -> syn::Result<impl Iterator<Item = &Field>> {
    match &input.data {
        Data::Struct(data) if matches!(data.fields, Fields::Named(_) | Fields::Unit) => Ok(data.fields.iter()),
        _ => Err(syn::Error::new_spanned(&input.ident, "only structs with named fields describe requests and answers")),
    }
}

fn has(field: &Field, name: &str) -> bool {
    field.attrs.iter().any(|a| a.path().is_ident(name))
}

fn doc_of(attrs: &[syn::Attribute]) -> String {
    let mut lines = Vec::new();
    for attr in attrs.iter().filter(|a| a.path().is_ident("doc")) {
        if let Meta::NameValue(pair) = &attr.meta
            && let Expr::Lit(ExprLit { lit: Lit::Str(text), .. }) = &pair.value
        {
            lines.push(text.value().trim().to_owned());
        }
    }
    lines.join("\n")
}
